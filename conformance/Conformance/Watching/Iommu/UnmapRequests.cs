using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Iommu;

/// <summary>UNMAP request (5.13.6.6), driver's side. What an UNMAP meets is known once the device has handled what came before it.</summary>
internal static class UnmapRequests
{
    [Rule("IOMMU-UNMAP-V-01", Needs = Sight.RequestBytes, FromAnywhere = true,
        Does = "Reads the reserved field of every UNMAP.",
        Reading = "It is zero.")]
    public static void Reserved_bytes_are_zero(Judge judge, RequestSent seen)
    {
        if (seen.Request is SentRequest.Unmap { Reserved: { } reserved }) judge.That(reserved == 0, "UNMAP with reserved 0", $"{seen.Request}");
    }

    [Rule("IOMMU-UNMAP-V-02", Needs = Sight.Requests,
        Does = "Compares the range of every UNMAP with the mappings of its domain at the time the device handles it.",
        Reading = "At least one mapping lies in the range, and between two of them nothing is left out. Addresses beyond the first and the last mapping may be unmapped.")]
    public static void An_unmap_covers_contiguous_mappings(Judge judge, RequestAnswered seen)
    {
        if (seen.Request is not SentRequest.Unmap unmap || MappedIn(judge, unmap) is not { } mappings) return;
        var hole = mappings.Zip(mappings.Skip(1)).FirstOrDefault(pair => pair.First.End + 1 != pair.Second.Start);
        judge.That(
            mappings.Count > 0 && hole == default,
            $"a range that covers one or more contiguous mappings of domain {unmap.Domain}",
            mappings.Count == 0 ? $"{unmap}: nothing is mapped there" : $"{unmap}: nothing is mapped between {hole.First} and {hole.Second}");
    }

    [Rule("IOMMU-UNMAP-V-03", Needs = Sight.Requests | Sight.Registers,
        Does = "Looks at every UNMAP whose range reaches beyond the first or the last mapping in it, where INPUT_RANGE is negotiated.",
        Reading = "It may, as far as there are virtual addresses: within input_range.")]
    public static void An_unmap_spills_over_no_further_than_input_range(Judge judge, RequestAnswered seen)
    {
        if (seen.Request is not SentRequest.Unmap unmap || MappedIn(judge, unmap) is not { Count: > 0 } mappings) return;
        if (judge.Driver.Config.InputRange is not { } input || !judge.Driver.Has(Features.InputRange)) return;
        if (mappings[0].Start <= unmap.VirtStart && mappings[^1].End >= unmap.VirtEnd) return;
        judge.That(
            unmap.VirtStart >= input.Start && unmap.VirtEnd <= input.End,
            $"a range that spills over unmapped addresses inside 0x{input.Start:x}..0x{input.End:x} only", $"{unmap}");
    }

    [Rule("IOMMU-UNMAP-V-04", Needs = Sight.Requests,
        Does = "Looks up the first address of every UNMAP in the mappings of its domain at the time the device handles it.",
        Reading = "It is the first address of a mapping, or in none.")]
    public static void The_first_address_starts_a_mapping_or_is_in_none(Judge judge, RequestAnswered seen)
    {
        if (seen.Request is not SentRequest.Unmap unmap || MappedIn(judge, unmap) is null) return;
        var mapping = judge.Driver.Iommu.Domain(unmap.Domain)!.MappingAt(unmap.VirtStart);
        judge.That(mapping is null || mapping.Start == unmap.VirtStart, $"virt_start at the start of a mapping of domain {unmap.Domain}, or outside of any", $"{unmap} starts inside {mapping}");
    }

    [Rule("IOMMU-UNMAP-V-05", Needs = Sight.Requests,
        Does = "Looks up the last address of every UNMAP in the mappings of its domain at the time the device handles it.",
        Reading = "It is the last address of a mapping, or in none.")]
    public static void The_last_address_ends_a_mapping_or_is_in_none(Judge judge, RequestAnswered seen)
    {
        if (seen.Request is not SentRequest.Unmap unmap || MappedIn(judge, unmap) is null) return;
        var mapping = judge.Driver.Iommu.Domain(unmap.Domain)!.MappingAt(unmap.VirtEnd);
        judge.That(mapping is null || mapping.End == unmap.VirtEnd, $"virt_end at the end of a mapping of domain {unmap.Domain}, or outside of any", $"{unmap} ends inside {mapping}");
    }

    [Rule("IOMMU-UNMAP-V-06", Needs = Sight.RequestBytes,
        Does = "Looks at the domain of every UNMAP at the time the device handles it.",
        Reading = "It was not made with F_BYPASS.")]
    public static void Nothing_is_unmapped_in_a_bypass_domain(Judge judge, RequestAnswered seen)
    {
        if (seen.Request is SentRequest.Unmap unmap && judge.Driver.Iommu.Domain(unmap.Domain) is { IsBypass: { } bypass })
            judge.That(!bypass, "no UNMAP on a bypass domain", $"{unmap}, and domain {unmap.Domain} is one");
    }

    /// <summary>The mappings that a range touches; null where nothing can be said, because the domain does not exist or has none.</summary>
    private static List<MappingHistory>? MappedIn(Judge judge, SentRequest.Unmap unmap) =>
        judge.Driver.Iommu.Domain(unmap.Domain) is { IsBypass: not true } domain && unmap.VirtStart <= unmap.VirtEnd
            ? [.. domain.Within(unmap.VirtStart, unmap.VirtEnd)]
            : null;
}
