using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Core;

/// <summary>Reserved Feature Bits (6.1), driver's side.</summary>
internal static class ReservedFeatureBits
{
    [Rule("CORE-RSVD-V-01", Needs = Sight.Registers, Transports = [WatchedTransport.Pci, WatchedTransport.Mmio],
        Does = "Looks for VERSION_1 in what the driver accepts.",
        Reading = "It is accepted where it is offered; a legacy interface cannot offer it.")]
    public static void VERSION_1_is_accepted(Judge judge, StatusWritten seen)
    {
        if (!judge.Driver.IsLegacy) Acceptance.WhereOffered(judge, seen, Features.Version1);
    }

    [Rule("CORE-RSVD-V-03", Needs = Sight.Registers, Does = "Looks for ACCESS_PLATFORM in what the driver accepts.", Reading = "It is accepted where it is offered.")]
    public static void ACCESS_PLATFORM_is_accepted(Judge judge, StatusWritten seen) => Acceptance.WhereOffered(judge, seen, Features.AccessPlatform);

    [Rule("CORE-RSVD-V-06", Needs = Sight.Registers, Does = "Looks for RING_PACKED in what the driver accepts.", Reading = "It is accepted where it is offered.")]
    public static void RING_PACKED_is_accepted(Judge judge, StatusWritten seen) => Acceptance.WhereOffered(judge, seen, Features.RingPacked);

    [Rule("CORE-RSVD-V-07", Needs = Sight.Registers, Does = "Looks for ORDER_PLATFORM in what the driver accepts.", Reading = "It is accepted where it is offered.")]
    public static void ORDER_PLATFORM_is_accepted(Judge judge, StatusWritten seen) => Acceptance.WhereOffered(judge, seen, Features.OrderPlatform);

    [Rule("CORE-RSVD-V-13", Needs = Sight.Registers, Does = "Looks for NOTIF_CONFIG_DATA in what the driver accepts.", Reading = "It is accepted where it is offered.")]
    public static void NOTIF_CONFIG_DATA_is_accepted(Judge judge, StatusWritten seen) => Acceptance.WhereOffered(judge, seen, Features.NotifConfigData);

    [Rule("CORE-RSVD-V-10", Needs = Sight.Registers,
        Does = "Where SR_IOV is offered by a device that is not on PCI, or is known to have no SR-IOV capability, looks for it in what the driver accepts.",
        Reading = "It is not accepted. The capability is in extended configuration space, which none of this suite's devices has.")]
    public static void SR_IOV_is_not_negotiated_without_the_capability(Judge judge, StatusWritten seen)
    {
        var (offered, accepted) = ((judge.Driver.Offered & Features.SrIov) != 0, (judge.Driver.Accepted & Features.SrIov) != 0);
        if (!Acceptance.IsDone(judge, seen) || (!offered && !accepted)) return;
        if (judge.Driver.Transport != WatchedTransport.Mmio && (judge.Driver.Sees & Sight.Conclusions) == 0) return;
        judge.That(!accepted, "SR_IOV not accepted of a device without the SR-IOV capability of PCI", "SR_IOV accepted");
    }

    [Rule("CORE-RSVD-V-04", Needs = Sight.Memory | Sight.MemoryMap,
        Does = "Where ACCESS_PLATFORM is negotiated, looks up every address of rings and buffers. None of the machines here has an IOMMU in front of the virtio-iommu.",
        Reading = "Untranslated, each leads into guest memory.")]
    public static void With_ACCESS_PLATFORM_addresses_resolve(Judge judge, ChainAvailable seen)
    {
        if (judge.Driver.Has(Features.AccessPlatform)) AddressesAreMemory(judge, seen.Chain);
    }

    [Rule("CORE-RSVD-V-05", Needs = Sight.Memory | Sight.MemoryMap,
        Does = "Where ACCESS_PLATFORM is not offered, looks up every address of rings and buffers.",
        Reading = "Each is the physical address of guest memory.")]
    public static void Without_ACCESS_PLATFORM_addresses_are_physical(Judge judge, ChainAvailable seen)
    {
        if (judge.Driver.KnowsOffered && (judge.Driver.Offered & Features.AccessPlatform) == 0) AddressesAreMemory(judge, seen.Chain);
    }

    private static void AddressesAreMemory(Judge judge, Chain chain)
    {
        if (judge.Driver.Ram is not { } ram) return;
        foreach (var (_, descriptor, _) in chain.Elements)
            judge.That(IsInside(ram, descriptor), $"addresses within guest memory (0x{ram.First:x}..0x{ram.Last:x})", $"{descriptor} in {chain}");
    }

    private static bool IsInside(AddressWindow ram, RingDescriptor descriptor) =>
        descriptor.Length == 0 || (descriptor.Address >= ram.First && descriptor.Address <= ram.Last && descriptor.Length - 1 <= ram.Last - descriptor.Address);
}
