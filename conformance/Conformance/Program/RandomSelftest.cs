using System.Globalization;
using Viommu.Conformance.Exploration;
using Viommu.Conformance.Running;
using Viommu.Conformance.Selftest;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Program;

/// <summary><c>conformance selftest --random N</c>: which devices that break a rule of the IOMMU chapter random operations find, and how soon.</summary>
internal sealed class RandomSelftest(CliHost host)
{
    private const int Column = 10;

    /// <summary>Tells of each broken device what was found within <paramref name="sequences"/> sequences. It is a table, not a gate.</summary>
    public int Tell(int sequences, Action<string> progress)
    {
        var devices = BrokenDevices.All.Where(device => device.Breaks.Any(IsOfTheChapter)).ToList();
        var found = 0;
        for (var i = 0; i < devices.Count; i++)
        {
            progress(string.Create(CultureInfo.InvariantCulture, $"{i + 1}/{devices.Count} {devices[i]}"));
            host.Interrupted.ThrowIfCancellationRequested();
            if (Describe(devices[i], sequences) is { } text)
            {
                found++;
                Line("FOUND", $"{devices[i]}: {text}", Verdict.Pass);
            }
            else
            {
                Line("NOT FOUND", $"{devices[i]} ({string.Join(", ", devices[i].Breaks)})", Verdict.Warn);
            }
        }
        host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"{found} of {devices.Count} broken devices found within {sequences} random sequences"));
        return ExitCode.AsExpected;
    }

    private string? Describe(BrokenDevice device, int sequences)
    {
        try
        {
            return RandomConviction.Try(device, seed: 1, sequences, host.Interrupted) is { } finding
                ? string.Create(CultureInfo.InvariantCulture, $"{finding.Key.Clause}, {finding.Key.Verb} {finding.Key.How}, after {finding.After} operations")
                : null;
        }
        catch (TargetUnavailableException refused)
        {
            return $"no driver can start it ({refused.Message})";
        }
    }

    private static bool IsOfTheChapter(string breaks) =>
        breaks.StartsWith("IOMMU-", StringComparison.Ordinal) || breaks.StartsWith("DESC-IOMMU-", StringComparison.Ordinal);

    private void Line(string label, string text, Verdict style) => host.Console.Labelled(label, Column, text, TextLines.StyleOf(style));
}
