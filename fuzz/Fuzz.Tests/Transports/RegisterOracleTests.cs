using Viommu.Conformance.Selftest;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Tests.Transports;

/// <summary>What breaks registers, configuration space or interrupts is found from the seeds, and the finding says which rule.</summary>
public class RegisterOracleTests
{
    private const int MostExecutions = 3_000;

    [Theory]
    [InlineData("transport-mmio", "forgets its events when InterruptStatus is read", "DESC-MMIO-05")]
    [InlineData("transport-mmio", "takes any acknowledgement for one of every event", "MMIO-REG-D-03")]
    [InlineData("transport-mmio", "sets an undefined bit beside each event", "MMIO-REG-D-04")]
    [InlineData("transport-mmio", "keeps its events over a reset", "MMIO-REG-D-05")]
    [InlineData("transport-mmio", "changes domain_range at DRIVER_OK without a word", "MMIO-REG-D-06")]
    [InlineData("transport-mmio", "uses a queue once it has addresses", "MMIO-REG-D-07")]
    [InlineData("transport-mmio", "shows QueueReset 1 after a reset in the middle of one", "MMIO-REG-D-08")]
    [InlineData("transport-mmio", "shows QueueReset 1 again once the queue is enabled", "MMIO-REG-D-09")]
    [InlineData("transport-mmio", "never serves a queue again that was reset, over MMIO", "well-formed-rings-are-served")]
    [InlineData("transport-mmio", "has another ConfigGeneration with each request", "DESC-MMIO-08")]
    [InlineData("transport-pci", "never changes its configuration generation", "PCI-COMMON-D-06")]
    [InlineData("transport-pci", "reads 0 in driver_feature", "PCI-COMMON-D-04")]
    [InlineData("transport-pci", "lets the driver write num_queues", "DESC-PCI-07")]
    [InlineData("transport-pci", "lets the driver write the id of a capability", "DESC-PCI-06")]
    [InlineData("transport-pci", "masters the bus whatever Bus Master Enable says", "PCI-GEN-D-01")]
    [InlineData("transport-pci", "keeps a smaller queue_size over a reset", "DESC-PCI-01")]
    [InlineData("transport-pci", "tells every ISR status twice", "PCI-ISR-D-05")]
    [InlineData("transport-pci", "cannot unmap an event", "PCI-MSIX-D-05")]
    [InlineData("transport-pci", "interrupts by vector 0 for a queue without a vector", "PCI-UNOTIFY-D-01")]
    [InlineData("transport-pci", "ignores writes through the window", "PCI-COMMON-D-03")]
    [InlineData("transport-pci", "accepts whatever the driver writes", "CORE-FEAT-D-03")]
    [InlineData("transport-pci", "refuses drivers without EVENT_IDX", "CORE-FEAT-D-02")]
    [InlineData("transport-pci", "never resumes", "CORE-SUSPEND-D-07")]
    [InlineData("transport-pci", "tells of changes of its configuration while suspended", "CORE-SUSPEND-D-04")]
    [InlineData("transport-pci", "stops at ring errors without DEVICE_NEEDS_RESET", "CORE-STATUS-D-02")]
    [InlineData("transport-pci", "keeps FAILED over two resets", "CORE-RESET-D-01")]
    [InlineData("transport-pci", "asks by avail_event not to be told, and waits to be told", "well-formed-rings-are-served")]
    [InlineData("transport-pci", "obeys the flags with EVENT_IDX", "PCI-ISR-D-04")]
    [InlineData("transport-pci", "notifies without EVENT_IDX although the flags are 1", "SPLIT-USEDSUPP-D-02")]
    [InlineData("transport-legacy", "drops what is written to the configuration before the features", "LEGACY-INIT-D-01")]
    [InlineData("transport-legacy", "offers NOTIFY_ON_EMPTY and forgets about it", "MMIO-REG-D-03")]
    [InlineData("transport-legacy", "has 32 bytes in BAR0", "LEGACY-PCI-D-01")]
    [InlineData("transport-legacy", "does not offer ANY_LAYOUT", "LEGACY-RSVD-D-03")]
    [InlineData("transport-legacy", "takes bypass by 8 bits alone", "LEGACY-PCI-D-02")]
    [InlineData("transport-legacy", "keeps its ISR status when it is read", "PCI-ISR-D-05")]
    [InlineData("transport-legacy", "is transitional, of revision 1", "LEGACY-PCIDISC-D-01")]
    public void A_broken_device_is_found_by_the_rule_that_it_breaks(string target, string device, string rule) => Assert.Contains(rule, RulesFound(target, device));

    private static HashSet<string> RulesFound(string name, string device)
    {
        var target = TargetList.Find(name);
        int index = BrokenDevices.All.Select((broken, index) => (broken, index)).Single(each => each.broken.Name == device).index;
        using var executor = new TargetHost(target, index).Plain();
        var seeds = target.Seeds().Select(seed => seed.Input).ToArray();
        var mutator = new Mutator(target.Shape, new ValueDictionary(target.Values, target.Tokens), new Random64(1));
        var rules = new HashSet<string>();
        for (int i = 0; i < MostExecutions; i++)
        {
            var input = i < seeds.Length ? seeds[i] : mutator.Mutate(seeds[i % seeds.Length], seeds[(i / seeds.Length) % seeds.Length]).ToArray();
            if (executor.Execute(input) is { } finding) rules.Add(finding.Key.Rule);
            if (i >= seeds.Length && rules.Count > 0) break;
        }

        return rules;
    }
}
