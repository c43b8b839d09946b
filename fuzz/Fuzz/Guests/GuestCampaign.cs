using System.Diagnostics;
using System.Globalization;
using Viommu.Conformance.Exploration;
using Viommu.Conformance.Running;
using Viommu.Conformance.Watching;
using Viommu.Conformance.Watching.Guests;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Guest.Targets.Model;
using Finding = Viommu.Fuzz.Engine.Findings.Finding;
using FindingKey = Viommu.Fuzz.Engine.Findings.FindingKey;

namespace Viommu.Fuzz.Guests;

/// <summary>Boots a guest once, on a device that tells it these lies.</summary>
internal delegate GuestRun BootGuest(IReadOnlyList<Lie> lies, CancellationToken interrupted);

/// <summary>A guest that is booted again and again, each time on a device that tells it other lies.</summary>
/// <param name="orders">Which guest, and what it does.</param>
/// <param name="rules">The rules that its driver is held to besides.</param>
internal sealed class GuestCampaign(GuestOrders orders, IReadOnlyList<DriverRule> rules)
{
    private const int DiskSize = 1 << 20;

    /// <summary>Boots once, with these lies.</summary>
    public GuestRun Boot(IReadOnlyList<Lie> lies, CancellationToken interrupted)
    {
        var watcher = new Watcher(rules);
        LyingDevice? liar = null;
        IReadOnlyList<CheckResult>? beforeHistoryEnds = null;
        var variation = new ModelVariation
        {
            Assemble = (device, _) =>
            {
                liar = new LyingDevice(device, lies) { HistoryEnds = () => beforeHistoryEnds = watcher.Results() };
                return new ModelParts(liar, liar);
            },
        };
        var clock = Stopwatch.StartNew();
        var course = new GuestBoot(orders, new ModelConfiguration(), variation, watcher).Run(new byte[DiskSize], _ => { }, interrupted);
        if (course.Death is { } death) throw new HarnessException([], death);
        var findings = course.Ended is null ? [] : GuestHarm.Of(course, Believed(watcher.Results(), beforeHistoryEnds));
        return new(course, liar!.Requests, liar.Told, findings, clock.Elapsed);
    }

    /// <summary>The lies of the boot of that number, 0 and up.</summary>
    public static IReadOnlyList<Lie> LiesOf(ulong seed, int boot) => new LieMaker(RandomSource.For(seed, boot)).Make();

    /// <summary>
    /// What a driver may be accused of. Rules that wait for answers hold requests against what the answers before have made: once a lie has left
    /// that open the driver may have understood it in the other way, which no rule forbids. Of these what was seen until then is believed.
    /// </summary>
    internal static IEnumerable<CheckResult> Believed(IReadOnlyList<CheckResult> results, IReadOnlyList<CheckResult>? beforeHistoryEnds)
    {
        return [.. results.Where(result => !NeedsHistory(result)), .. (beforeHistoryEnds ?? results).Where(NeedsHistory)];

        static bool NeedsHistory(CheckResult result) => result.Check is DriverRule rule && rule.Consumes == typeof(RequestAnswered);
    }
}

/// <summary>A boot, and what came of it.</summary>
/// <param name="Course">What the guest did and said.</param>
/// <param name="Requests">How many requests its driver has sent.</param>
/// <param name="Told">The lies that it was told.</param>
/// <param name="Findings">What is wrong with it.</param>
/// <param name="Time">How long that took.</param>
internal sealed record GuestRun(GuestCourse Course, int Requests, IReadOnlyList<Lie> Told, IReadOnlyList<Finding> Findings, TimeSpan Time)
{
    /// <summary>True where the guest did not end, and nothing else says why: to be believed once it happens twice, since a machine can be starved.</summary>
    public bool Hangs => Findings.Any(finding => IsHang(finding.Key));

    /// <summary>The boot in a line.</summary>
    public string Summary => string.Create(
        CultureInfo.InvariantCulture,
        $"{Time.TotalSeconds:0.0} s, {Requests} requests, {Told.Count} lies, {(Course.Ended == true ? "ended" : "did not end")}, {Findings.Count} found");

    /// <summary>True for the finding that a guest did not end.</summary>
    public static bool IsHang(FindingKey key) => key.Rule == GuestHarm.Ends;
}
