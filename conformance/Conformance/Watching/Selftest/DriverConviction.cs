using Viommu.Conformance.Running;
using Viommu.Conformance.Watching.Workload;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>Whether a broken driver is caught by the rules that ought to catch it, and the sound one by none.</summary>
internal static class DriverConviction
{
    /// <summary>Watches a broken driver with rules; what each has to say.</summary>
    public static IReadOnlyList<CheckResult> Try(BrokenDriver driver, IEnumerable<DriverRule> rules, Sight sight = Sight.Live)
    {
        var watcher = new Watcher(rules);
        var workout = new Workout(watcher, scenario => Source(scenario, driver.Configuration), driver, sight);
        foreach (var scenario in driver.Scenarios) workout.TryPlay(scenario);
        return watcher.Results();
    }

    /// <summary>Watches the sound driver in every scenario of a configuration; what each rule has to say, and what went wrong otherwise.</summary>
    public static (IReadOnlyList<CheckResult> Results, IReadOnlyList<string> Problems) TrySound(ModelConfiguration configuration, IEnumerable<DriverRule> rules, Sight sight = Sight.Live)
    {
        var watcher = new Watcher(rules);
        var workout = new Workout(watcher, scenario => Source(scenario, configuration), sight: sight);
        foreach (var scenario in Scenarios.All) workout.TryPlay(scenario);
        return (watcher.Results(), workout.Problems);
    }

    /// <summary>The reference device of a scenario; null where the configuration cannot have it.</summary>
    public static ITargetSource? Source(Scenario scenario, ModelConfiguration configuration) =>
        scenario.Transports.Count > 0 && !scenario.Transports.Contains(configuration.Transport) ? null : new ModelTargetSource(scenario.Misbehaviour, configuration);
}
