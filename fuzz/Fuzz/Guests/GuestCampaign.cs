using System.Diagnostics;
using Viommu.Conformance.Exploration;
using Viommu.Conformance.Watching;
using Viommu.Conformance.Watching.Guests;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Guest.Targets.Model;
using Finding = Viommu.Fuzz.Engine.Findings.Finding;

namespace Viommu.Fuzz.Guests;

/// <summary>A guest that is booted again and again, each time on a device that tells it other lies.</summary>
/// <param name="orders">Which guest, and what it does.</param>
/// <param name="rules">The rules that its driver is held to besides.</param>
internal sealed class GuestCampaign(GuestOrders orders, IReadOnlyList<DriverRule> rules)
{
    private const int DiskSize = 1 << 20;

    /// <summary>Boots once, with these lies.</summary>
    public GuestRun Boot(IReadOnlyList<Lie> lies, CancellationToken interrupted)
    {
        LyingDevice? liar = null;
        var variation = new ModelVariation
        {
            Assemble = (device, _) =>
            {
                liar = new LyingDevice(device, lies);
                return new ModelParts(liar, liar);
            },
        };
        var watcher = new Watcher(rules);
        var clock = Stopwatch.StartNew();
        var course = new GuestBoot(orders, new ModelConfiguration(), variation, watcher).Run(new byte[DiskSize], _ => { }, interrupted);
        if (course.Death is { } death) throw new HarnessException([], death);
        return new(course, liar!.Requests, liar.Told, course.Ended is null ? [] : GuestHarm.Of(course, watcher.Results()), clock.Elapsed);
    }

    /// <summary>The lies of the boot of that number, 0 and up.</summary>
    public static IReadOnlyList<Lie> LiesOf(ulong seed, int boot) => new LieMaker(RandomSource.For(seed, boot)).Make();
}

/// <summary>A boot, and what came of it.</summary>
/// <param name="Course">What the guest did and said.</param>
/// <param name="Requests">How many requests its driver has sent.</param>
/// <param name="Told">The lies that it was told.</param>
/// <param name="Findings">What is wrong with it.</param>
/// <param name="Time">How long that took.</param>
internal sealed record GuestRun(GuestCourse Course, int Requests, IReadOnlyList<Lie> Told, IReadOnlyList<Finding> Findings, TimeSpan Time);
