using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Iommu;

/// <summary>
/// PROBE request and RESV_MEM properties (5.13.6.7, 5.13.6.8), driver's side. What a driver makes of an answer shows in the regions that it
/// keeps clear; a rule about one kind of property speaks where that kind is the only strange one.
/// </summary>
internal static class ProbeRequests
{
    [Rule("IOMMU-PROBE-V-01", Needs = Sight.RequestBytes | Sight.Registers,
        Does = "Compares the device-writable part of every PROBE with probe_size as the driver has read it.",
        Reading = "It is probe_size bytes of properties, and the tail.")]
    public static void The_properties_area_is_probe_size_bytes(Judge judge, RequestSent seen)
    {
        if (seen.Request is not SentRequest.Probe { WritableLength: { } length } || judge.Driver.Config.ProbeSize is not { } size || !judge.Driver.Has(Features.Probe)) return;
        judge.That(length == (ulong)size + Request.TailSize, $"{size} bytes of properties and {Request.TailSize} of tail", $"{length} device-writable bytes");
    }

    [Rule("IOMMU-PROBE-V-02", Needs = Sight.RequestBytes, FromAnywhere = true,
        Does = "Reads the 64 reserved bytes of every PROBE.",
        Reading = "They are zero.")]
    public static void Reserved_bytes_are_zero(Judge judge, RequestSent seen)
    {
        if (seen.Request is SentRequest.Probe { IsReservedZero: { } zero }) judge.That(zero, "PROBE with reserved 0", $"{seen.Request}");
    }

    [Rule("IOMMU-PROBE-V-03", Needs = Sight.Conclusions,
        Does = "Answers a PROBE with a property of a type that the spec does not define, and asks the driver for the reserved regions.",
        Reading = "It makes no region of it.")]
    public static void Properties_of_unknown_type_are_ignored(Judge judge, RegionsConcluded seen) =>
        OnlyStrange(judge, seen, property => !property.IsKnown && property.Reserved == 0);

    [Rule("IOMMU-PROBE-V-04", Needs = Sight.Conclusions,
        Does = "Answers a PROBE with a region whose length is more than a region needs, and asks the driver for the reserved regions.",
        Reading = "It finds this one and those behind it where the length field says they are.")]
    public static void The_length_of_a_property_is_taken_from_its_length_field(Judge judge, RegionsConcluded seen) =>
        OnlyStrange(judge, seen, property => property.IsLong && property.Reserved == 0);

    [Rule("IOMMU-PROBE-V-05", Needs = Sight.Conclusions,
        Does = "Answers a PROBE with a region whose property has reserved bits set, and asks the driver for the reserved regions.",
        Reading = "It is not one of them.")]
    public static void Properties_with_reserved_bits_are_ignored(Judge judge, RegionsConcluded seen) =>
        OnlyStrange(judge, seen, property => property.Reserved != 0);

    [Rule("IOMMU-PROBE-V-06", Needs = Sight.Conclusions,
        Does = "Puts a region behind properties that a driver has to ignore, and asks the driver for the reserved regions.",
        Reading = "It is one of them.")]
    public static void Parsing_goes_on_behind_an_ignored_property(Judge judge, RegionsConcluded seen)
    {
        var behind = SeenProperty.In(seen.Properties).SkipWhile(property => property is { IsKnown: true, Reserved: 0 })
            .Where(property => property.Reserved == 0).Select(property => property.Region).OfType<ReservedRange>().ToList();
        if (behind.Count > 0) judge.That(behind.TrueForAll(seen.Regions.Contains), $"{string.Join(", ", behind)} kept clear", $"{seen}");
    }

    [Rule("IOMMU-RESV-V-01", Needs = Sight.Requests,
        Does = "Compares the range of every MAP with the regions that PROBE has reported of the endpoints of its domain, at the time the device handles it.",
        Reading = "They have no address in common.")]
    public static void Reserved_regions_are_not_mapped(Judge judge, RequestAnswered seen)
    {
        if (seen.Request is not SentRequest.Map map || judge.Driver.Iommu.Domain(map.Domain) is not { } domain) return;
        foreach (var endpoint in domain.Endpoints)
        {
            if (judge.Driver.Iommu.RegionsOf(endpoint) is not { Count: > 0 } regions) continue;
            var mapped = regions.FirstOrDefault(region => region.Start <= map.VirtEnd && map.VirtStart <= region.End);
            judge.That(mapped == default, $"no mapping of {string.Join(", ", regions)}, which endpoint 0x{endpoint:x} reserves", $"{map}");
        }
    }

    [Rule("IOMMU-RESV-V-02", Needs = Sight.Conclusions,
        Does = "Answers a PROBE with junk in the three reserved bytes of a region, and asks the driver for the reserved regions.",
        Reading = "It is one of them.")]
    public static void Reserved_bytes_of_a_region_are_ignored(Judge judge, RegionsConcluded seen) =>
        OnlyStrange(judge, seen, property => property.HasReservedBytes && property.Reserved == 0);

    [Rule("IOMMU-RESV-V-03", Needs = Sight.Conclusions,
        Does = "Answers a PROBE with a region of a subtype that the spec does not define, and asks the driver for the reserved regions.",
        Reading = "It is one of them, and no doorbell of messages.")]
    public static void Unknown_subtypes_are_treated_as_RESERVED(Judge judge, RegionsConcluded seen) =>
        OnlyStrange(judge, seen, property => property.IsUnknownSubtype && property.Reserved == 0);

    private static void OnlyStrange(Judge judge, RegionsConcluded seen, Predicate<SeenProperty> kind)
    {
        var strange = SeenProperty.In(seen.Properties).Where(property =>
            !property.IsKnown || property.Reserved != 0 || property.IsLong || property.HasReservedBytes || property.IsUnknownSubtype).ToList();
        if (strange.Count == 0 || !strange.TrueForAll(kind)) return;
        var expected = SeenProperty.RegionsIn(seen.Properties);
        judge.That(
            expected.Count == seen.Regions.Count && expected.All(seen.Regions.Contains),
            expected.Count == 0 ? "nothing kept clear" : $"{string.Join(", ", expected)} kept clear, and nothing else", $"{seen}");
    }
}
