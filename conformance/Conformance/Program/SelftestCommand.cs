using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Running;
using Viommu.Conformance.Selftest;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Program;

/// <summary>
/// <c>conformance selftest</c>: shows that no check accuses the reference device, and that each can fail on a device that breaks its rule; and
/// the same of drivers.
/// </summary>
internal sealed class SelftestCommand
{
    private const int Column = 10;

    private readonly CliHost host;
    private readonly SelectionOptions selection = new();

    private readonly Option<bool> all = new("--all")
    {
        Description = "Run every check on every broken device, and tell which others go red. Takes far longer.",
    };

    private readonly Option<int?> random = new("--random")
    {
        Description = "Instead, tell which broken devices N sequences of random operations find, and how soon.",
        HelpName = "N",
    };

    public SelftestCommand(CliHost host)
    {
        this.host = host;
        Command = new("selftest", "Proves that each check can fail: runs it on the reference device on every transport and ring, then on one with its rule broken; and so for drivers and their rules.") { all, random };
        selection.AddTo(Command);
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        var choice = selection.Read(parsed);
        var chosen = choice.Plan(host.Checks).Where(p => p.LeftOut is null).Select(p => p.Check).ToList();
        var rules = host.Rules.Where(rule => choice.WhyLeftOut(rule) is null).ToList();
        if (chosen.Count + rules.Count == 0)
        {
            host.Error.WriteLine("conformance: no check is selected; 'conformance list' shows the ids that --only and --skip are held against");
            return ExitCode.Harness;
        }
        try
        {
            if (parsed.GetValue(random) is { } sequences) return host.Console.WithProgress(progress => new RandomSelftest(host).Tell(sequences, progress));
            return host.Console.WithProgress(progress =>
                Math.Max(Prove(chosen, parsed.GetValue(all), progress), new DriverSelftest(host).Prove(rules, parsed.GetValue(all), progress)));
        }
        catch (OperationCanceledException) when (host.Interrupted.IsCancellationRequested)
        {
            host.Error.WriteLine("conformance: interrupted, so not every check is proven");
            return ExitCode.Harness;
        }
    }

    private int Prove(IReadOnlyList<Check> chosen, bool onAll, Action<string> progress)
    {
        if (chosen.Count == 0) return ExitCode.AsExpected;
        var accusers = ModelConfiguration.All.SelectMany(configuration => Accusers(configuration, chosen, progress)).Distinct().Count();

        var devices = BrokenDevices.All.Where(device => device.BrokenAmong(chosen).Count > 0).ToList();
        var (survivors, others) = (0, 0);
        for (var i = 0; i < devices.Count; i++)
        {
            progress(string.Create(CultureInfo.InvariantCulture, $"{i + 1}/{devices.Count} {devices[i]}"));
            var (caught, alsoRed) = Try(devices[i], onAll);
            survivors += caught ? 0 : 1;
            others += alsoRed;
        }

        var unproven = chosen.Except(devices.SelectMany(device => device.BrokenAmong(chosen))).ToList();
        foreach (var check in unproven) Tell("UNPROVEN", $"{check.Id}: no broken device turns it red", Verdict.Fail);

        host.Console.WriteLine();
        host.Console.Line(string.Create(CultureInfo.InvariantCulture,
            $"{Count(chosen.Count, "check")}: {accusers} not kept by the reference device, {unproven.Count} without a device to fail on"));
        host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"{Count(devices.Count, "broken device")}: {survivors} not caught"));
        if (onAll) host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"{Count(others, "time")} another check went red"));
        return accusers + survivors + unproven.Count == 0 ? ExitCode.AsExpected : ExitCode.Findings;
    }

    /// <summary>The checks that accuse the reference device, which keeps every clause on every transport and ring.</summary>
    private IEnumerable<Check> Accusers(ModelConfiguration configuration, IReadOnlyList<Check> chosen, Action<string> progress)
    {
        progress($"the reference device ({configuration})");
        foreach (var (check, outcome) in Conviction.TryReference(configuration, chosen, host.Interrupted))
        {
            if (outcome.Verdict is Verdict.Pass or Verdict.NotApplicable) continue;
            Tell(outcome.Verdict.Name(), $"{check.Id} on the reference device ({configuration}): expected {outcome.Expected}; {outcome.Actual}", outcome.Verdict);
            yield return check;
        }
    }

    /// <summary>Whether a broken device is caught by each check of its rule, and how many others go red on it.</summary>
    private (bool Caught, int AlsoRed) Try(BrokenDevice device, bool onAll)
    {
        // All its checks, chosen or not: one that judges the whole run needs the others before it.
        var own = device.BrokenAmong(host.Checks);
        var tried = Conviction.Try(device, onAll ? host.Checks : own, host.Interrupted).ToLookup(t => own.Contains(t.Check));
        var missed = tried[true].Where(t => !Conviction.IsRed(t.Outcome.Verdict)).ToList();
        var others = tried[false].Where(t => Conviction.IsRed(t.Outcome.Verdict)).Select(t => t.Check.Id).ToList();

        if (missed.Count == 0) Tell("CAUGHT", $"{device}: {string.Join(", ", own)}", Verdict.Pass);
        foreach (var (check, outcome) in missed)
            Tell("SURVIVES", $"{device}: {check} is {outcome.Verdict.Name()} {outcome.Expected} {outcome.Actual}".TrimEnd(), Verdict.Fail);
        if (others.Count > 0) Tell("", string.Create(CultureInfo.InvariantCulture, $"also red: {others.Count}: {string.Join(", ", others)}"), Verdict.Skip);
        return (missed.Count == 0, others.Count);
    }

    private void Tell(string label, string text, Verdict style) => host.Console.Labelled(label, Column, text, TextLines.StyleOf(style));

    private static string Count(int count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");
}
