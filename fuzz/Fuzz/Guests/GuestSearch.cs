using System.Diagnostics;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Expectations;

namespace Viommu.Fuzz.Guests;

/// <summary>What a campaign on a guest is to be.</summary>
/// <param name="Seed">Where all lies come from.</param>
/// <param name="Boots">After how many boots it ends.</param>
/// <param name="Time">After which time no other boot begins.</param>
/// <param name="KeepGoing">Whether it goes on after a finding.</param>
/// <param name="Minimize">Whether the fewest lies that show a finding are looked for.</param>
internal sealed record GuestPlan(ulong Seed, int Boots, TimeSpan Time, bool KeepGoing, bool Minimize);

/// <summary>A campaign on a guest: boot after boot, and what each of them shows.</summary>
/// <param name="plan">What it is to be.</param>
/// <param name="boot">Boots the guest.</param>
/// <param name="known">What is known of it.</param>
/// <param name="report">Takes findings and statistics.</param>
/// <param name="say">Takes a line at a time.</param>
/// <param name="interrupted">Set when the user has had enough.</param>
internal sealed class GuestSearch(GuestPlan plan, BootGuest boot, KnownFindings known, GuestReport report, Action<string> say, CancellationToken interrupted)
{
    private readonly Dictionary<FindingKey, Finding> _found = [];

    /// <summary>What was found, and is known or not; each once.</summary>
    public IReadOnlyCollection<Finding> Found => _found.Values;

    /// <summary>Boots whose guest came to its end.</summary>
    public int Ended { get; private set; }

    /// <summary>The lies of the last boot.</summary>
    public IReadOnlyList<Lie> Telling { get; private set; } = [];

    /// <summary>Boots until there is enough of it.</summary>
    public void Run()
    {
        var clock = Stopwatch.StartNew();
        for (int number = 0; number < plan.Boots && clock.Elapsed < plan.Time && !interrupted.IsCancellationRequested; number++)
        {
            var run = Boot(GuestCampaign.LiesOf(plan.Seed, number));
            if (run.Course.Ended is null) break;
            if (run.Course.Ended == true) Ended++;
            say($"boot {number}: {run.Summary}");
            string whence = $"seed {plan.Seed}, boot {number}";
            var fresh = run.Findings.Where(finding => Take(finding, run, whence)).ToList();
            report.Count(number, clock.Elapsed, run, _found.Count);
            foreach (var finding in plan.Minimize ? fresh : []) Shrink(finding, run, whence);
            if (!plan.KeepGoing && fresh.Count > 0) break;
        }
    }

    private GuestRun Boot(IReadOnlyList<Lie> lies) => boot(Telling = lies, interrupted);

    // True for what nobody has seen before, which is on the disk then: looking for the fewest lies takes minutes, in which much can happen.
    private bool Take(Finding finding, GuestRun run, string whence)
    {
        if (_found.ContainsKey(finding.Key)) return false;
        if (GuestRun.IsHang(finding.Key) && !Boot(run.Told).Hangs)
        {
            say("      a second boot with the same lies has not shown that it does not end");
            return false;
        }

        _found.Add(finding.Key, finding);
        if (known.Find(finding.Key) is { } entry)
        {
            say($"KNOWN {finding.Key}: {entry.Reason} ({entry.Url})");
            return false;
        }

        string file = report.Write(finding, run, run.Told, whence);
        say($"FOUND {finding.Key}");
        say($"      {finding.Message}");
        say($"      {file}: {run.Told.Count} lies");
        return true;
    }

    private void Shrink(Finding finding, GuestRun run, string whence)
    {
        say($"{finding.Key}: looking for the fewest of {run.Told.Count} lies that show it");
        var shrinker = new LieShrinker(lies => Shows(finding.Key, lies), lies => say($"{finding.Key}: {lies.Count} lies show it as well"), interrupted);
        var fewest = shrinker.Shrink(run.Told, hasShownAgain: GuestRun.IsHang(finding.Key));
        string[] remarks = fewest is null ? [whence, "did not show again with the same lies"] : [whence];
        string file = report.Write(finding, run, fewest ?? run.Told, remarks);
        say($"      {file}: {(fewest is null ? "did not show again with the same lies" : $"{fewest.Count} lies")}");
    }

    private bool Shows(FindingKey key, IReadOnlyList<Lie> lies) =>
        Boot(lies).Findings.Any(finding => finding.Key == key) && (!GuestRun.IsHang(key) || Boot(lies).Hangs);
}
