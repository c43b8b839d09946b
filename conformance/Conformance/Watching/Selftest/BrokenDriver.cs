using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Watching.Live;
using Viommu.Conformance.Watching.Workload;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>
/// The suite's own driver with one rule broken from outside: the proof that a rule can fail. What it writes is changed on its way to the
/// device (<see cref="Tamper"/>), or what it tells its user is (<see cref="Belief"/>), or it is made to do something that it never would
/// (<see cref="Script"/>).
/// </summary>
/// <param name="Name">What it does wrong, as a sentence.</param>
/// <param name="Breaks">Ids, or globs on ids, of the rules, or of their first clauses, that have to turn red on it; or ids of permissions of devices that it fails of.</param>
internal sealed record BrokenDriver(string Name, params string[] Breaks)
{
    private readonly IReadOnlyList<Glob> broken = [.. Breaks.Select(name => new Glob(name))];

    /// <summary>Stands between the driver and the watcher; mostly a <see cref="DriverTamper"/>.</summary>
    public Func<WatchedTarget, ITarget> Tamper { get; init; } = target => target;

    /// <summary>Changes what the driver tells its user.</summary>
    public Func<Conclusion, Conclusion> Belief { get; init; } = conclusion => conclusion;

    /// <summary>Names of the scenarios that it plays.</summary>
    public IReadOnlyList<string> Plays { get; init; } = [EverydayScenarios.Everyday];

    /// <summary>What it does instead of them.</summary>
    public Scenario? Script { get; init; }

    /// <summary>The transport and ring on which it shows.</summary>
    public ModelConfiguration Configuration { get; init; } = new();

    /// <summary>What it plays.</summary>
    public IEnumerable<Scenario> Scenarios => Script is null ? Plays.Select(Workload.Scenarios.Named) : [Script];

    /// <summary>The rules, in their order, that have to turn red on it.</summary>
    public IReadOnlyList<DriverRule> BrokenAmong(IEnumerable<DriverRule> rules) =>
        [.. rules.Where(rule => broken.Any(glob => glob.Matches(rule.Clauses[0]) || glob.Matches(rule.Id)) || rule.Uses.Any(Breaks.Contains))];

    /// <summary>One that does something by itself, on the device as it is.</summary>
    public static BrokenDriver Doing(string name, string[] breaks, Action<GuestUser> play) => new(name, breaks) { Script = new Scenario(name, play) };

    /// <summary>One that does something by itself, on the device of a scenario.</summary>
    public static BrokenDriver On(string scenario, string name, string[] breaks, Action<GuestUser> play) =>
        new(name, breaks) { Script = Workload.Scenarios.Named(scenario) with { Name = name, Play = play } };

    /// <inheritdoc/>
    public override string ToString() => Name;
}
