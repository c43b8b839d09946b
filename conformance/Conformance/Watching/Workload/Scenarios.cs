namespace Viommu.Conformance.Watching.Workload;

/// <summary>Everything that the suite's own driver is made to do while it is watched.</summary>
internal static class Scenarios
{
    public static IReadOnlyList<Scenario> All { get; } =
    [
        .. EverydayScenarios.All(),
        .. FeatureScenarios.All(),
        .. LifecycleScenarios.All(),
        .. StrangeAnswers.All(),
        .. StrangeRegisters.All(),
        .. MmioScenarios.All(),
        .. RingScenarios.All(),
        .. PciScenarios.All(),
    ];

    public static Scenario Named(string name) => All.Single(scenario => scenario.Name == name);
}
