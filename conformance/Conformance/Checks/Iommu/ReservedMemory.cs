using Viommu.Guest.Targets;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Iommu;

/// <summary>IOMMU Device / Device operations / PROBE properties / Property RESV_MEM.</summary>
internal static class ReservedMemory
{
    internal static readonly TargetShape OverMemory = AttachRequests.IncompatibleSecond;

    [Check("IOMMU-RESV-D-01",
        Does = "Probes each endpoint with a poisoned buffer and looks at its RESV_MEM properties.",
        Reading = "The three bytes behind the subtype are zero.")]
    internal static void Reserved_bytes_of_a_region_are_zero(CheckContext check)
    {
        foreach (var (endpoint, region) in ProbeRequests.AllRegions(check))
            That(region.Reserved == 0, $"reserved bytes zero in {region} of endpoint 0x{endpoint:x}", $"0x{region.Reserved:x6}");
    }

    [Check("IOMMU-RESV-D-02",
        Does = "Counts the MSI regions of each endpoint.",
        Reading = "One at most.")]
    internal static void An_endpoint_has_one_MSI_region_at_most(CheckContext check)
    {
        foreach (var regions in ProbeRequests.AllRegions(check).GroupBy(pair => pair.Endpoint))
        {
            var count = regions.Count(pair => pair.Region.Subtype == ReservedRegion.MsiSubtype);
            That(count <= 1, $"one MSI region at most for endpoint 0x{regions.Key:x}", $"{count}");
        }
    }

    [Check("IOMMU-RESV-D-03",
        Does = "Compares the regions of each endpoint with each other.",
        Reading = "No two of them share an address.")]
    internal static void Regions_of_an_endpoint_do_not_overlap(CheckContext check)
    {
        foreach (var regions in ProbeRequests.AllRegions(check).GroupBy(pair => pair.Endpoint, pair => pair.Region))
        {
            var sorted = regions.OrderBy(region => region.Start).ToList();
            for (var i = 1; i < sorted.Count; i++)
            {
                That(
                    sorted[i].Start > sorted[i - 1].End, $"regions of endpoint 0x{regions.Key:x} that do not overlap",
                    $"{sorted[i - 1]} and {sorted[i]}");
            }
        }
    }

    [Check("IOMMU-RESV-D-04",
        Does = "For each region of an endpoint, maps a page inside of it, one across each edge, and a range around it, while the endpoint is attached.",
        Reading = "Any status but OK; a page next to the region can be mapped. The text names no status.")]
    internal static void MAP_over_a_reserved_region_is_rejected(CheckContext check) => CannotBeMapped(check, _ => true);

    [Check("DESC-IOMMU-15",
        Does = "Maps a page inside the MSI region of an endpoint, one across each edge, and a range around it, while the endpoint is attached.",
        Reading = "Any status but OK: the driver cannot map an MSI region either.")]
    internal static void MAP_over_an_MSI_region_is_rejected(CheckContext check) =>
        CannotBeMapped(check, region => region.Subtype == ReservedRegion.MsiSubtype);

    [Check("IOMMU-RESV-D-05",
        Does = "Has an attached endpoint write into a RESERVED region of its own, where there is guest memory at the same physical address.",
        Reading = "The memory stays as it was.", Shape = nameof(OverMemory))]
    internal static void Accesses_to_a_reserved_region_do_not_reach_guest_memory(CheckContext check)
    {
        check.Requires(Features.Probe);
        var endpoint = check.Dma(1);
        var driver = check.Start();
        var region = OverMemory.ReservedForSecondEndpoint!.Value;
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        var arrival = check.WriteArrives(endpoint, region.First, region.First);
        That(arrival == Arrival.None, $"guest memory at 0x{region.First:x} unchanged", $"{arrival} of the write arrived");
    }

    private static void CannotBeMapped(CheckContext check, Func<ReservedRegion, bool> judged)
    {
        check.Requires(Features.MapUnmap);
        var all = ProbeRequests.AllRegions(check).Where(pair => pair.Endpoint == check.Endpoint).Select(pair => pair.Region).ToList();
        var unit = check.Unit;
        var (lowest, highest) = check.Initial.Translatable;
        var reachable = all.Where(judged).Where(region => region.Start >= lowest && region.End <= highest).ToList();
        if (reachable.Count == 0) throw new NotApplicableException("no such region inside input_range");
        var driver = check.Start();
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        var physical = check.Physical(2);
        foreach (var region in reachable)
        {
            var first = region.Start & ~(unit - 1);
            var last = region.End | (unit - 1);
            var ranges = new List<(ulong Start, ulong End)> { (first, first + unit - 1), (last - unit + 1, last), (first, last) };
            var roomBelow = first - lowest >= unit && !all.Exists(other => other.Start <= first - 1 && first - unit <= other.End);
            var roomAbove = highest - last >= unit && !all.Exists(other => other.Start <= last + unit && last + 1 <= other.End);
            if (roomBelow) ranges.Add((first - unit, first + unit - 1));
            if (roomAbove) ranges.Add((last - unit + 1, last + unit));
            if (roomBelow && roomAbove) ranges.Add((first - unit, last + unit));

            // What is next to the region can be mapped: so it is the region that a rejection is for.
            if (roomBelow) Given(driver.Map(check.Domain(0), first - unit, first - 1, physical));
            if (roomBelow) Given(driver.Unmap(check.Domain(0), first - unit, first - 1));
            foreach (var (start, end) in ranges) Rejected(driver.Map(check.Domain(0), start, end, physical));
        }
    }
}
