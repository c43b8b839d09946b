using System.Globalization;
using Spectre.Console;
using Viommu.Conformance.Running;
using Viommu.Conformance.Selftest;
using Viommu.Conformance.Watching;
using Viommu.Conformance.Watching.Selftest;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Program;

/// <summary>
/// The half of <c>conformance selftest</c> that is about drivers: no rule accuses the suite's own driver, on any transport and ring, and each
/// turns red on a driver that breaks it.
/// </summary>
internal sealed class DriverSelftest(CliHost host)
{
    private const int Column = 10;

    public int Prove(IReadOnlyList<DriverRule> chosen, bool onAll, Action<string> progress)
    {
        if (chosen.Count == 0) return ExitCode.AsExpected;
        var accusers = 0;
        foreach (var configuration in ModelConfiguration.All)
        {
            host.Interrupted.ThrowIfCancellationRequested();
            progress($"the sound driver on {configuration}");
            accusers += Accusers(configuration, chosen);
        }

        var drivers = BrokenDrivers.All.Where(driver => driver.BrokenAmong(chosen).Count > 0).ToList();
        var survivors = 0;
        for (var i = 0; i < drivers.Count; i++)
        {
            host.Interrupted.ThrowIfCancellationRequested();
            progress(string.Create(CultureInfo.InvariantCulture, $"driver {i + 1}/{drivers.Count} {drivers[i]}"));
            survivors += IsCaught(drivers[i], chosen, onAll) ? 0 : 1;
        }

        var unproven = chosen.Except(drivers.SelectMany(driver => driver.BrokenAmong(chosen))).ToList();
        foreach (var rule in unproven) Tell("UNPROVEN", $"{rule.Id}: no broken driver turns it red", Verdict.Fail);

        host.Console.WriteLine();
        host.Console.Line(string.Create(CultureInfo.InvariantCulture,
            $"{chosen.Count} driver rules: {accusers} not kept by the suite's own driver, {unproven.Count} without a driver to fail on"));
        host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"{drivers.Count} broken drivers: {survivors} not caught"));
        return accusers + survivors + unproven.Count == 0 ? ExitCode.AsExpected : ExitCode.Findings;
    }

    private int Accusers(ModelConfiguration configuration, IReadOnlyList<DriverRule> chosen)
    {
        var (results, problems) = DriverConviction.TrySound(configuration, chosen);
        var wrong = results.Where(result => result.Verdict is not (Verdict.Pass or Verdict.NotApplicable)).ToList();
        foreach (var result in wrong)
            Tell(result.Verdict.Name(), $"{result.Check.Id} on the suite's own driver, {configuration}: expected {result.Expected}; {result.Actual}", result.Verdict);
        foreach (var problem in problems) Tell(Verdict.Error.Name(), $"{configuration}: {problem}", Verdict.Error);
        return wrong.Count + problems.Count;
    }

    private bool IsCaught(BrokenDriver driver, IReadOnlyList<DriverRule> chosen, bool onAll)
    {
        var own = driver.BrokenAmong(chosen);
        var results = DriverConviction.Try(driver, onAll ? host.Rules : own);
        var missed = results.Where(result => own.Contains(result.Check) && !Conviction.IsRed(result.Verdict)).ToList();
        var others = results.Where(result => !own.Contains(result.Check) && Conviction.IsRed(result.Verdict)).Select(result => result.Check.Id).ToList();
        if (missed.Count == 0) Tell("CAUGHT", $"a driver that {driver}: {string.Join(", ", own)}", Verdict.Pass);
        foreach (var result in missed)
            Tell("SURVIVES", $"a driver that {driver}: {result.Check} is {result.Verdict.Name()} {result.Expected} {result.Actual}".TrimEnd(), Verdict.Fail);
        if (others.Count > 0) Tell("", string.Create(CultureInfo.InvariantCulture, $"also red: {others.Count}: {string.Join(", ", others)}"), Verdict.Skip);
        return missed.Count == 0;
    }

    private void Tell(string label, string text, Verdict style) => host.Console.Labelled(label, Column, text, TextLines.StyleOf(style));
}
