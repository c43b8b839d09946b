using Viommu.Conformance.Selftest;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Targets;

/// <summary>Every fuzz target. A new one is a file of its own, and a line here.</summary>
public static class TargetList
{
    internal static IReadOnlyList<TargetInfo> All { get; } =
    [
        RequestTarget.Info,
        SequenceTarget.Info,
        SplitRingTarget.Info,
        PackedRingTarget.Info,
        QueuesTarget.Info,
        TransportPciTarget.Info,
        TransportMmioTarget.Info,
        TransportLegacyTarget.Info,
        LifecycleTarget.Info,
        DriverTarget.Info,
        ParsersTarget.Info,
    ];

    /// <summary>
    /// Makes a target. It is public, and knows only types that both contexts share, because it is called through reflection in the context
    /// in which the device is instrumented.
    /// </summary>
    /// <param name="name">The name of the target.</param>
    /// <param name="brokenDevice">Position of a broken device among those of the self-test; negative for the reference device.</param>
    public static IFuzzTarget New(string name, int brokenDevice) =>
        Find(name).New(brokenDevice < 0 ? Subject.Reference : Subject.Of(BrokenDevices.All[brokenDevice]));

    internal static TargetInfo Find(string name) =>
        All.FirstOrDefault(target => target.Name == name)
        ?? throw new ArgumentException($"unknown target '{name}': there is {string.Join(", ", All.Select(target => target.Name))}", nameof(name));
}
