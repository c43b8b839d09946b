using Viommu.Conformance.Watching.Live;
using Viommu.Conformance.Watching.Selftest;
using Viommu.Guest;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Virtqueue;

namespace Viommu.Conformance.Watching.Workload;

/// <summary>Has a driver, the suite's own or one made worse, play scenarios under the eyes of a watcher.</summary>
/// <param name="watcher">Who watches.</param>
/// <param name="sourceOf">Where the device of a scenario comes from; null where this kind of target cannot have it.</param>
/// <param name="broken">What makes the driver worse; null for the driver as it is.</param>
/// <param name="sight">What of it the watcher gets to see.</param>
internal sealed class Workout(Watcher watcher, Func<Scenario, ITargetSource?> sourceOf, BrokenDriver? broken = null, Sight sight = Sight.Live)
{
    private readonly List<string> problems = [];

    /// <summary>Where a scenario did not go as it has to with a sound driver: a fault of the harness or of the device, not of a driver.</summary>
    public IReadOnlyList<string> Problems => problems;

    /// <summary>What was watched.</summary>
    public TargetIdentity? Target { get; private set; }

    /// <summary>Plays one scenario; false where this kind of target cannot have its device.</summary>
    public bool TryPlay(Scenario scenario)
    {
        using var source = sourceOf(scenario);
        if (source is null) return false;
        using var target = source.Open(scenario.Shape, out _);
        if (target is null) return false;
        Target ??= target.Identity;
        try
        {
            var watched = new WatchedTarget(target, watcher, scenario.Name, sight);
            if (TryFind(scenario, broken?.Tamper(watched) ?? watched, source.AlsoAccept) is { } user) scenario.Play(user);
            watched.LookAhead();
        }
        catch (Exception failure) when (failure is GuestSetupException or DeviceViolationException or QueueTooSmallException or TargetDiedException or TargetHungException)
        {
            // A broken driver may fail in any way; what counts is what was seen of it.
            if (broken is null) problems.Add($"{scenario}: {failure.Message}");
        }
        watcher.See(new SessionEnded());
        return true;
    }

    private GuestUser? TryFind(Scenario scenario, ITarget target, ulong alsoAccept)
    {
        try
        {
            var user = new GuestUser(target, alsoAccept, Tell, watcher.History);
            if (scenario.IsNoDevice && broken is null) problems.Add($"{scenario}: the driver finds a device where there is none for it");
            return user;
        }
        catch (NoDeviceException) when (scenario.IsNoDevice)
        {
            Tell(new DeviceIgnored(Error: null));
        }
        catch (GuestSetupException failure) when (scenario.IsNoDevice)
        {
            Tell(new DeviceIgnored(failure.Message));
        }
        return null;
    }

    private void Tell(Observation seen) => watcher.See(seen is Conclusion conclusion && broken is not null ? broken.Belief(conclusion) : seen);
}
