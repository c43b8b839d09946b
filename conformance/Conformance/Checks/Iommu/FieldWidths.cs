using Viommu.Guest.Driver;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Iommu;

/// <summary>
/// Every bit of a number counts: addresses have 64, domains and endpoint IDs 32 (5.13.6). A device that drops some of them takes one thing for another, and lets an
/// endpoint reach what it was not given.
/// </summary>
internal static class FieldWidths
{
    private const int AccessLength = 64;

    // What fits into narrower integers, and into the addresses of common page tables.
    private static readonly int[] NarrowAddresses = [32, 39, 40, 48, 52, 57];
    private static readonly int[] HighBitsOfDomains = [8, 16, 24, 31];

    [Check("DESC-IOMMU-13",
        Does = "For each of the bits 32 to 63 that input_range leaves a choice of, maps a unit at an address that differs from an unmapped one in that bit alone, and has the "
            + "endpoint write at both.",
        Reading = "The write at the mapped address arrives, the other one does not. Addresses at which the device answers MAP by any other status than OK are passed over; "
            + "N/A where there are no others.")]
    internal static void Every_high_bit_of_a_virtual_address_counts(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = check.Start();
        var (low, unit, domain, physical) = (check.Virtual(1), check.Unit, check.Domain(0), check.Physical(1));
        Given(driver.Attach(domain, endpoint.Id));
        ForEachHighBit(check, low, at =>
        {
            var map = driver.Map(domain, at, at + unit - 1, physical);
            if (!map.IsOk) return map;
            That(check.WriteArrives(endpoint, at, physical, AccessLength) == Arrival.All, $"a write at 0x{at:x}, which is mapped, arrives", "it did not");
            That(
                check.WriteArrives(endpoint, low, physical, AccessLength) == Arrival.None,
                $"with 0x{at:x} mapped, a write at 0x{low:x} arrives nowhere", "it arrived where the mapping leads");
            Given(driver.Unmap(domain, at, at + unit - 1));
            return map;
        });
    }

    [Check("DESC-IOMMU-13",
        Does = "Maps the last unit of input_range that is clear of reserved regions, and has the endpoint write at its first and last bytes, and at the address that is left of it in "
            + "each of some narrower widths.",
        Reading = "The first two writes arrive, no other does. N/A where that unit is below 4 GiB, and where MAP is answered by any other status than OK.")]
    internal static void The_highest_addresses_are_translated(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var (unit, at) = (check.Unit, Highest(check));
        var driver = check.Start();
        var (domain, physical) = (check.Domain(0), check.Physical(1));
        Given(driver.Attach(domain, endpoint.Id));
        var map = driver.Map(domain, at, at + unit - 1, physical);
        if (!map.IsOk) throw Refuses(map);
        foreach (var offset in new ulong[] { 0, unit - AccessLength })
        {
            That(
                check.WriteArrives(endpoint, at + offset, physical + offset, AccessLength) == Arrival.All,
                $"a write at 0x{at + offset:x}, which is mapped, arrives", "it did not");
        }
        foreach (var narrowed in NarrowAddresses.Select(width => at & ((1UL << width) - 1)).Where(narrowed => narrowed != at && check.MayBeMapped(narrowed)).Distinct())
        {
            That(
                check.WriteArrives(endpoint, narrowed, physical, AccessLength) == Arrival.None,
                $"with 0x{at:x} mapped, a write at 0x{narrowed:x} arrives nowhere", "it arrived where the mapping leads");
        }
    }

    [Check("IOMMU-UNMAP-D-07",
        Does = "For each of the bits 32 to 63 that input_range leaves a choice of, maps two units whose addresses differ in that bit alone, unmaps one, and has the endpoint write at both.",
        Reading = "The write at the one that was unmapped no longer arrives, the other one does. N/A where the device maps at no such address.")]
    internal static void Every_high_bit_of_an_unmapped_address_counts(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = check.Start();
        var (low, unit, domain, stays, goes) = (check.Virtual(1), check.Unit, check.Domain(0), check.Physical(1), check.Physical(1));
        Given(driver.Attach(domain, endpoint.Id));
        Given(driver.Map(domain, low, low + unit - 1, stays));
        ForEachHighBit(check, low, at =>
        {
            var map = driver.Map(domain, at, at + unit - 1, goes);
            if (!map.IsOk) return map;
            if (check.WriteArrives(endpoint, at, goes, AccessLength) != Arrival.All)
                throw new NotApplicableException($"the mapping at 0x{at:x} is not reached (DESC-IOMMU-13)");
            Given(driver.Unmap(domain, at, at + unit - 1));
            That(check.WriteArrives(endpoint, at, goes, AccessLength) == Arrival.None, $"a write at 0x{at:x}, which was unmapped, arrives nowhere", "it arrived");
            That(
                check.WriteArrives(endpoint, low, stays, AccessLength) == Arrival.All,
                $"after 0x{at:x} was unmapped, a write at 0x{low:x}, which was not, arrives", "it did not");
            return map;
        });
    }

    [Check("DESC-IOMMU-10",
        Does = "Attaches two endpoints to domains whose numbers differ in a single bit (8, 16, 24, 31), maps a range in one of them, and has both write there.",
        Reading = "Only the endpoint of that domain reaches it. N/A where domain_range has no two such numbers, and where the device attaches to no second domain.")]
    internal static void Domains_that_differ_in_one_bit_are_isolated(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var others = DomainsBeside(check);
        var (inside, outside) = (check.Dma(0), check.Dma(1));
        var driver = DeviceOperations.StartWithoutBypass(check);
        var (domain, at, physical) = (check.Domain(0), check.Virtual(1), check.Physical(1));
        Given(driver.Attach(domain, inside.Id));
        Given(driver.Map(domain, at, at + check.Unit - 1, physical));
        Given(check.WriteArrives(inside, at, physical, AccessLength) == Arrival.All, "the endpoint of the mapped domain does not reach it");
        Exchange? refused = null;
        var attached = false;
        foreach (var other in others)
        {
            var attach = driver.Attach(other, outside.Id);
            attached |= attach.IsOk;
            if (!attach.IsOk)
            {
                refused = attach;
                continue;
            }
            That(
                check.WriteArrives(outside, at, physical, AccessLength) == Arrival.None,
                $"the endpoint of domain 0x{other:x} does not reach a mapping of domain 0x{domain:x}", "its write arrived");
            Given(driver.Detach(other, outside.Id));
        }
        if (!attached) throw Refuses(refused!);
    }

    [Check("IOMMU-MAP-D-04",
        Does = "Attaches an endpoint to one domain, and maps a range of domains whose numbers differ from it in a single bit (8, 16, 24, 31).",
        Reading = "NOENT each time. N/A where domain_range has no such number.")]
    internal static void A_domain_that_differs_in_one_bit_is_answered_NOENT(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var others = DomainsBeside(check);
        var driver = check.Start();
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        foreach (var other in others) Answers(AttachRequests.MapOne(check, driver, other), RequestStatus.NoEnt);
    }

    [Check("IOMMU-ATTACH-D-03",
        Does = "Attaches endpoint IDs that differ from one that exists in a single high bit, each to a new domain.",
        Reading = "NOENT each time, and the domain does not come into being. Bits 8 and 16 are tried where firmware describes the endpoints, and so tells that none has that ID.")]
    internal static void An_endpoint_that_differs_in_one_bit_is_rejected_with_NOENT(CheckContext check)
    {
        var driver = check.Start();
        foreach (var id in DescribedTopology.EndpointsBeside(check)) Answers(driver.Attach(check.Domain(0), id), RequestStatus.NoEnt);
        AttachRequests.IsNoDomain(check, driver, check.Domain(0));
    }

    [Check("IOMMU-DETACH-D-02",
        Does = "Attaches an endpoint, and detaches endpoint IDs that differ from it in a single high bit.",
        Reading = "NOENT each time. Bits 8 and 16 are tried where firmware describes the endpoints, and so tells that none has that ID.")]
    internal static void An_endpoint_that_differs_in_one_bit_is_not_detached(CheckContext check)
    {
        var driver = check.Start();
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        foreach (var id in DescribedTopology.EndpointsBeside(check)) Answers(driver.Detach(check.Domain(0), id), RequestStatus.NoEnt);
    }

    [Check("IOMMU-PROBE-D-02",
        Does = "Probes endpoint IDs that differ from one that exists in a single high bit.",
        Reading = "NOENT in the tail each time. Bits 8 and 16 are tried where firmware describes the endpoints, and so tells that none has that ID.")]
    internal static void An_endpoint_that_differs_in_one_bit_is_not_probed(CheckContext check)
    {
        check.Requires(Features.Probe);
        var driver = check.Start();
        foreach (var probe in DescribedTopology.EndpointsBeside(check).Select(driver.Probe))
            That(ProbeRequests.TailStatus(probe) == RequestStatus.NoEnt, $"{probe.Request} answered NOENT", probe.Answer);
    }

    /// <summary>
    /// Has <paramref name="tryAt"/> work at each address that differs from <paramref name="low"/> in one of the bits from 32 up; it returns how MAP was answered. N/A
    /// where there is no such address, or none that the device maps.
    /// </summary>
    private static void ForEachHighBit(CheckContext check, ulong low, Func<ulong, Exchange> tryAt)
    {
        var high = Enumerable.Range(32, 32).Select(bit => low ^ (1UL << bit)).Where(at => check.MayBeMapped(at)).ToList();
        if (high.Count == 0) throw new NotApplicableException("input_range has no two free addresses that differ in one of the bits from 32 up");
        var maps = high.ConvertAll(tryAt.Invoke);
        var refused = maps.Where(map => !map.IsOk).ToList();
        if (refused.Count == maps.Count) throw Refuses(refused[0]);
        if (refused.Count > 0) check.Note = $"{refused.Count} of {maps.Count} addresses are not mapped: {refused[0].Request} is answered {refused[0].Answer}";
    }

    /// <summary>The last unit of input_range that is clear of reserved regions; N/A where it is below 4 GiB.</summary>
    private static ulong Highest(CheckContext check)
    {
        var at = UnitBelow(unchecked(check.Initial.Translatable.Last + 1));
        foreach (var region in check.Initial.ReservedRegions.OrderByDescending(region => region.End))
        {
            if (region.Start <= at + check.Unit - 1 && at <= region.End) at = UnitBelow(region.Start);
        }
        return at > uint.MaxValue && check.MayBeMapped(at) ? at : throw new NotApplicableException("input_range has no free address above 4 GiB");

        // The end of the 64-bit address space is 0.
        ulong UnitBelow(ulong end) => unchecked((end & ~(check.Unit - 1)) - check.Unit);
    }

    private static List<uint> DomainsBeside(CheckContext check)
    {
        var domain = check.Domain(0);
        var (first, last) = check.Offers(Features.DomainRange) ? (check.Initial.Config.DomainStart, check.Initial.Config.DomainEnd) : (0, uint.MaxValue);
        var others = HighBitsOfDomains.Select(bit => domain ^ (1u << bit)).Where(other => other >= first && other <= last).ToList();
        return others.Count > 0 ? others : throw new NotApplicableException("domain_range has no two numbers that differ in bit 8, 16, 24 or 31 alone");
    }

    private static NotApplicableException Refuses(Exchange exchange) => new($"{exchange.Request} is answered {exchange.Answer}");
}
