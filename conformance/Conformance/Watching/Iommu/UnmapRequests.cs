namespace Viommu.Conformance.Watching.Iommu;

/// <summary>UNMAP request (5.13.6.6), driver's side. What an UNMAP meets is known once the device has handled what came before it.</summary>
internal static class UnmapRequests
{
    [Rule("IOMMU-UNMAP-V-01", Needs = Sight.RequestBytes,
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

    /// <summary>The mappings that a range touches; null where nothing can be said, because the domain does not exist or has none.</summary>
    private static List<MappingHistory>? MappedIn(Judge judge, SentRequest.Unmap unmap) =>
        judge.Driver.Iommu.Domain(unmap.Domain) is { IsBypass: not true } domain && unmap.VirtStart <= unmap.VirtEnd
            ? [.. domain.Within(unmap.VirtStart, unmap.VirtEnd)]
            : null;
}
