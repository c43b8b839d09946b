using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Iommu;

/// <summary>MAP request (5.13.6.5), driver's side.</summary>
internal static class MapRequests
{
    private const uint DefinedFlags = MapFlags.Read | MapFlags.Write | MapFlags.Mmio;

    [Rule("IOMMU-MAP-V-01", Needs = Sight.Requests, FromAnywhere = true,
        Does = "Looks at the flags of every MAP.",
        Reading = "Bits 3 to 31 are zero.")]
    public static void Undefined_flags_are_zero(Judge judge, RequestSent seen)
    {
        if (seen.Request is SentRequest.Map map) judge.That((map.Flags & ~DefinedFlags) == 0, "no flags but READ, WRITE and MMIO", $"{map}");
    }

    [Rule("IOMMU-MAP-V-02", Needs = Sight.RequestBytes,
        Does = "Looks at the domain of every MAP at the time the device handles it.",
        Reading = "It was not made with F_BYPASS.")]
    public static void Nothing_is_mapped_in_a_bypass_domain(Judge judge, RequestAnswered seen)
    {
        if (seen.Request is SentRequest.Map map && judge.Driver.Iommu.Domain(map.Domain) is { IsBypass: { } bypass })
            judge.That(!bypass, "no MAP on a bypass domain", $"{map}, and domain {map.Domain} is one");
    }

    [Rule("IOMMU-MAP-V-03", Needs = Sight.Requests, FromAnywhere = true,
        Does = "Compares the ends of the range of every MAP.",
        Reading = "virt_end is above virt_start, so that a mapping has two bytes at least.")]
    public static void The_range_ends_above_its_start(Judge judge, RequestSent seen)
    {
        if (seen.Request is SentRequest.Map map) judge.That(map.VirtEnd > map.VirtStart, "virt_end above virt_start", $"{map}");
    }

    [Rule("IOMMU-MAP-V-04", Needs = Sight.Requests | Sight.MemoryMap,
        Does = "Where MMIO is negotiated, compares the physical range of every MAP with what is known to be device registers.",
        Reading = "The MMIO flag is set where the whole range is.")]
    public static void Device_registers_are_mapped_with_the_MMIO_flag(Judge judge, RequestSent seen)
    {
        if (seen.Request is not SentRequest.Map map || !judge.Driver.Has(Features.Mmio) || Physical(map) is not { } range) return;
        if (judge.Driver.Registers.Any(registers => IsWithin(range, registers)))
            judge.That((map.Flags & MapFlags.Mmio) != 0, "the MMIO flag, since the physical range is device registers", $"{map}");
    }

    [Rule("IOMMU-MAP-V-05", Needs = Sight.Requests | Sight.MemoryMap,
        Does = "Compares the physical range of every MAP with what is known to be guest memory and device registers.",
        Reading = "The range does not reach from one into the other.")]
    public static void A_mapping_has_one_memory_type(Judge judge, RequestSent seen)
    {
        if (seen.Request is not SentRequest.Map map || Physical(map) is not { } range || judge.Driver.Ram is not { } ram) return;
        var (memory, registers) = (Touches(range, ram), judge.Driver.Registers.Any(window => Touches(range, window)));
        if (memory || registers) judge.That(!(memory && registers), "a physical range that is either memory or device registers", $"{map} is both");
    }

    [Rule("IOMMU-MAP-V-06", Needs = Sight.Requests | Sight.Conclusions,
        Does = "Asks the driver for memory that endpoints are to read, and waits for its MAP.",
        Reading = "The READ flag is set.")]
    public static void The_READ_flag_is_set_where_endpoints_are_to_read(Judge judge, Observation seen)
    {
        var asked = judge.Keep<Asked>();
        if (seen is MappingAsked wish) asked.Last = wish;
        else if (seen is RequestSent { Request: SentRequest.Map map } && asked.Last is { ForReading: true } last && last.Domain == map.Domain && last.Physical == map.PhysStart)
            judge.That((map.Flags & MapFlags.Read) != 0, "the READ flag in a mapping that endpoints are to read", $"{map}");
    }

    [Rule("IOMMU-MAP-V-07", Needs = Sight.RequestBytes | Sight.Registers,
        Does = "Where MMIO is not negotiated, looks at the flags of every MAP.",
        Reading = "The MMIO flag is not set.")]
    public static void The_MMIO_flag_needs_the_feature(Judge judge, RequestSent seen)
    {
        if (seen.Request is SentRequest.Map map && judge.Driver.HasNot(Features.Mmio))
            judge.That((map.Flags & MapFlags.Mmio) == 0, "no MMIO flag, since MMIO is not negotiated", $"{map}");
    }

    /// <summary>The physical range of a mapping; null where it has none, or leaves the address space.</summary>
    private static AddressWindow? Physical(SentRequest.Map map) =>
        map.VirtEnd >= map.VirtStart && map.PhysStart <= ulong.MaxValue - (map.VirtEnd - map.VirtStart)
            ? new AddressWindow(map.PhysStart, map.PhysStart + (map.VirtEnd - map.VirtStart))
            : null;

    private static bool IsWithin(AddressWindow inner, AddressWindow outer) => outer.First <= inner.First && inner.Last <= outer.Last;

    private static bool Touches(AddressWindow a, AddressWindow b) => a.First <= b.Last && b.First <= a.Last;

    private sealed class Asked
    {
        public MappingAsked? Last { get; set; }
    }
}
