using System.Text.Json;
using Viommu.Conformance.Reports;
using Viommu.Fuzz.Engine.Findings;

namespace Viommu.Fuzz.Guests;

/// <summary>The folder of a campaign on a guest; what cannot be written to it is a <see cref="ReportException"/>.</summary>
/// <param name="folder">Its path.</param>
/// <param name="steps">What the guest does.</param>
internal sealed class GuestReport(string folder, string steps)
{
    private string Statistics => Path.Combine(folder, "stats.ndjson");

    /// <summary>Where findings are.</summary>
    public string Findings => Path.Combine(folder, "findings");

    /// <summary>Makes the folder, with no boot in its statistics.</summary>
    public void Begin() => ReportFolder.Save(Statistics, "");

    /// <summary>Adds a boot to the statistics.</summary>
    public void Count(int boot, TimeSpan spent, GuestRun run, int found)
    {
        string line = JsonSerializer.Serialize(new
        {
            boot,
            seconds = Math.Round(spent.TotalSeconds, 3),
            requests = run.Requests,
            lies = run.Told.Count,
            ended = run.Course.Ended,
            findings = found,
        });
        ReportFolder.Attempt(Statistics, () => File.AppendAllText(Statistics, line + "\n"));
    }

    /// <summary>Writes a finding, over what was written of it before; returns the file of its lies.</summary>
    /// <param name="finding">The finding.</param>
    /// <param name="run">The boot that has shown it.</param>
    /// <param name="lies">The lies to keep of it.</param>
    /// <param name="remarks">More to say of it.</param>
    public string Write(Finding finding, GuestRun run, IReadOnlyList<Lie> lies, params IEnumerable<string> remarks)
    {
        string path = Path.Combine(Findings, finding.Key.FileName);
        ReportFolder.Save(path + ".console.txt", string.Join('\n', run.Course.Console));
        return Save(path, lies, [finding.Key.ToString(), finding.Message, .. remarks, $"{run.Course.Kernel}: {lies.Count} of {run.Told.Count} lies"]);
    }

    /// <summary>Writes the lies of a boot that failed by no fault of the guest's; null where that does not work either.</summary>
    public string? WriteFailure(IReadOnlyList<Lie> lies, Exception failure)
    {
        try
        {
            return Save(Path.Combine(folder, "harness-failure"), lies, [failure.Message]);
        }
        catch (ReportException)
        {
            // The failure itself says more.
            return null;
        }
    }

    private string Save(string path, IReadOnlyList<Lie> lies, IEnumerable<string> comments)
    {
        string file = path + LieFile.Extension;
        ReportFolder.Save(file, new LieFile(steps, lies).Print(comments.Select(comment => comment.ReplaceLineEndings(" "))));
        return file;
    }
}
