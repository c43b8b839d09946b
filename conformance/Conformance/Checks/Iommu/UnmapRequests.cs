using Viommu.Guest.Driver;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Iommu;

/// <summary>IOMMU Device / Device operations / UNMAP request.</summary>
internal static class UnmapRequests
{
    [Check("IOMMU-UNMAP-D-01",
        Does = "Unmaps a mapping with the reserved bytes non-zero.",
        Reading = "OK or INVAL. After OK the mapping is gone; after INVAL it may be gone or not (UNMAP-D-02).")]
    internal static void Nonzero_reserved_bytes_may_be_rejected_with_INVAL(CheckContext check)
    {
        var (driver, domain, at) = WithOneMapping(check, 1);
        var unmap = driver.Send(new UnmapRequest(domain, at, at + check.Unit - 1) { Reserved = 0x8000_0001 });
        Answers(unmap, RequestStatus.Ok, RequestStatus.Inval);
        check.Note = $"answered {unmap.Status!.Value.Name()}";
        if (!unmap.IsOk) return;
        var again = driver.Map(domain, at, at + check.Unit - 1, check.Physical(1));
        That(again.IsOk, "the mapping gone after an UNMAP answered OK, so that the range can be mapped again", again.Answer);
    }

    [Check("IOMMU-UNMAP-D-02",
        Does = "Unmaps a mapping with the reserved bytes non-zero, and maps the range again if the answer is INVAL.",
        Reading = "The mapping is gone or still there as a whole; the note tells which.")]
    internal static void An_UNMAP_rejected_for_its_reserved_bytes_may_still_be_performed(CheckContext check)
    {
        var (driver, domain, at) = WithOneMapping(check, 4);
        var last = at + 4 * check.Unit - 1;
        var unmap = driver.Send(new UnmapRequest(domain, at, last) { Reserved = 0x8000_0001 });
        if (unmap.Status != RequestStatus.Inval) throw new NotApplicableException($"the device does not reject an UNMAP for its reserved bytes ({unmap.Answer})");
        var kept = Enumerable.Range(0, 4).Count(n => !IsFree(check, driver, domain, at + (ulong)n * check.Unit));
        That(kept is 0 or 4, "the mapping gone or kept as a whole", $"{kept} of its 4 units are still mapped");
        check.Note = kept == 0 ? "performed all the same" : "not performed";
    }

    [Check("IOMMU-UNMAP-D-03",
        Does = "Unmaps a range of a domain that nothing was ever attached to, and of one whose last endpoint has been detached.",
        Reading = "NOENT both times.")]
    internal static void A_domain_that_does_not_exist_is_answered_NOENT(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        var at = check.Virtual(1);
        Answers(driver.Unmap(check.Domain(0), at, at + check.Unit - 1), RequestStatus.NoEnt);
        Given(driver.Attach(check.Domain(1), check.Endpoint));
        Given(driver.Detach(check.Domain(1), check.Endpoint));
        Answers(driver.Unmap(check.Domain(1), at, at + check.Unit - 1), RequestStatus.NoEnt);
    }

    [Check("IOMMU-UNMAP-D-04",
        Does = "Attaches an endpoint with F_BYPASS and unmaps a range of its domain.",
        Reading = "INVAL.")]
    internal static void UNMAP_on_a_bypass_domain_is_rejected_with_INVAL(CheckContext check)
    {
        check.Requires(Features.MapUnmap | Features.BypassConfig);
        var driver = check.Start();
        var at = check.Virtual(1);
        Given(driver.Attach(check.Domain(0), check.Endpoint, AttachRequest.BypassFlag));
        Answers(driver.Unmap(check.Domain(0), at, at + check.Unit - 1), RequestStatus.Inval);
    }

    [Check("IOMMU-UNMAP-D-05",
        Does = "Maps four units at once and unmaps the first, the middle, and the last of them.",
        Reading = "RANGE each time: each would split the mapping.")]
    internal static void Splitting_a_mapping_is_answered_RANGE(CheckContext check)
    {
        var (driver, domain, at) = WithOneMapping(check, 4);
        var unit = check.Unit;
        Answers(driver.Unmap(domain, at, at + unit - 1), RequestStatus.Range);
        Answers(driver.Unmap(domain, at + unit, at + 3 * unit - 1), RequestStatus.Range);
        Answers(driver.Unmap(domain, at + 3 * unit, at + 4 * unit - 1), RequestStatus.Range);
    }

    [Check("IOMMU-UNMAP-D-06",
        Does = "Maps two neighbouring ranges, and unmaps the whole first one with half of the second.",
        Reading = "Both are still mapped: nothing is removed where anything would be split.")]
    internal static void An_UNMAP_that_would_split_a_mapping_removes_nothing(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        var (domain, at, unit, physical) = (check.Domain(0), check.Virtual(4), check.Unit, check.Physical(4));
        Given(driver.Attach(domain, check.Endpoint));
        Given(driver.Map(domain, at, at + 2 * unit - 1, physical));
        Given(driver.Map(domain, at + 2 * unit, at + 4 * unit - 1, physical + 2 * unit));
        ShowsMapped(check, driver, domain, at);
        var unmap = driver.Unmap(domain, at, at + 3 * unit - 1);
        var gone = Enumerable.Range(0, 4).Where(n => IsFree(check, driver, domain, at + (ulong)n * unit)).ToList();
        That(gone.Count == 0, "all four units still mapped", $"UNMAP was answered {unmap.Answer}; units {string.Join(", ", gone)} are no longer mapped");
    }

    [Check("IOMMU-UNMAP-D-06",
        Does = "Maps two neighbouring ranges, unmaps the whole first one with half of the second, and has the endpoint write to both.",
        Reading = "Both writes arrive.")]
    internal static void Translations_survive_an_UNMAP_that_would_split_a_mapping(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = check.Start();
        var (domain, at, unit, physical) = (check.Domain(0), check.Virtual(3), check.Unit, check.Physical(3));
        Given(driver.Attach(domain, endpoint.Id));
        Given(driver.Map(domain, at, at + unit - 1, physical));
        Given(driver.Map(domain, at + unit, at + 3 * unit - 1, physical + unit));
        Given(check.WriteArrives(endpoint, at, physical) == Arrival.All, "the endpoint does not reach the mapping");
        var unmap = driver.Unmap(domain, at, at + 2 * unit - 1);
        foreach (var offset in new ulong[] { 0, unit, 2 * unit })
        {
            That(
                check.WriteArrives(endpoint, at + offset, physical + offset, 64) == Arrival.All,
                "every mapping translates as before", $"UNMAP was answered {unmap.Answer}; a write at 0x{at + offset:x} does not arrive");
        }
    }

    [Check("IOMMU-UNMAP-D-07",
        Does = "Unmaps a range in which nothing is mapped (example 1 of the spec).",
        Reading = "OK.")]
    internal static void Unmapping_an_empty_range_is_answered_OK(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        var at = check.Virtual(2);
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        Answers(driver.Unmap(check.Domain(0), at, at + 2 * check.Unit - 1), RequestStatus.Ok);
    }

    [Check("IOMMU-UNMAP-D-07",
        Does = "Unmaps exactly one mapping (example 2 of the spec).",
        Reading = "OK, and the range can be mapped again.")]
    internal static void Unmapping_exactly_a_mapping_removes_it(CheckContext check) => Removes(check, [(0, 2)], (0, 2));

    [Check("IOMMU-UNMAP-D-07",
        Does = "Unmaps two neighbouring mappings at once (example 3 of the spec).",
        Reading = "OK, and both ranges can be mapped again.")]
    internal static void Unmapping_two_neighbouring_mappings_removes_both(CheckContext check) => Removes(check, [(0, 1), (1, 2)], (0, 2));

    [Check("IOMMU-UNMAP-D-07",
        Does = "Unmaps the first of two neighbouring mappings (example 5 of the spec).",
        Reading = "OK; the first range can be mapped again and the second cannot.")]
    internal static void Unmapping_one_of_two_neighbours_leaves_the_other(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        var (domain, at, unit) = (check.Domain(0), check.Virtual(2), check.Unit);
        Given(driver.Attach(domain, check.Endpoint));
        Given(driver.Map(domain, at, at + unit - 1, check.Physical(1)));
        Given(driver.Map(domain, at + unit, at + 2 * unit - 1, check.Physical(1)));
        ShowsMapped(check, driver, domain, at + unit);
        Answers(driver.Unmap(domain, at, at + unit - 1), RequestStatus.Ok);
        That(!IsFree(check, driver, domain, at + unit), "the neighbour still mapped", "it is gone as well");
        That(IsFree(check, driver, domain, at), "the unmapped range free", "it is still mapped");
    }

    [Check("IOMMU-UNMAP-D-07",
        Does = "Unmaps a range that begins with a mapping and goes on over unmapped addresses (example 6 of the spec).",
        Reading = "OK, and the range can be mapped again.")]
    internal static void A_range_that_spills_over_unmapped_addresses_removes_the_mapping(CheckContext check) => Removes(check, [(0, 1)], (0, 3));

    [Check("IOMMU-UNMAP-D-07",
        Does = "Unmaps a range with two mappings and a hole between them (example 7 of the spec).",
        Reading = "OK, and both ranges can be mapped again.")]
    internal static void A_range_with_a_hole_removes_the_mappings_on_both_sides(CheckContext check) => Removes(check, [(0, 1), (2, 3)], (0, 3));

    [Check("IOMMU-UNMAP-D-07",
        Does = "Maps a unit and unmaps every address that the device can translate at once.",
        Reading = "OK, and the unit can be mapped again. The size of the whole range needs 65 bits.")]
    internal static void Unmapping_the_whole_address_space_removes_everything(CheckContext check)
    {
        var (driver, domain, at) = WithOneMapping(check, 1);
        var (first, last) = check.Offers(Features.InputRange) ? (driver.Config.InputStart, driver.Config.InputEnd) : (0, ulong.MaxValue);
        Answers(driver.Unmap(domain, first, last), RequestStatus.Ok);
        That(IsFree(check, driver, domain, at), "the unit free", "it is still mapped");
    }

    [Check("IOMMU-UNMAP-D-07",
        Does = "Unmaps a mapping through which an endpoint has just written, with unmapped addresses around it, and has it write again.",
        Reading = "The second write does not arrive, however warm the translation was.")]
    internal static void An_unmapped_range_is_no_longer_reached(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = check.Start();
        var (domain, at, unit, physical) = (check.Domain(0), check.Virtual(3) + check.Unit, check.Unit, check.Physical(1));
        Given(driver.Attach(domain, endpoint.Id));
        Given(driver.Map(domain, at, at + unit - 1, physical));
        Given(check.WriteArrives(endpoint, at, physical, 64) == Arrival.All, "the endpoint does not reach the mapping");
        Given(driver.Unmap(domain, at - unit, at + 2 * unit - 1));
        That(check.WriteArrives(endpoint, at, physical, 64) == Arrival.None, "a write after UNMAP arrives nowhere", "it arrived");
    }

    [Check("IOMMU-UNMAP-D-07",
        Does = "Has every endpoint of a domain write through a mapping, unmaps it, and has each of them write again.",
        Reading = "No second write arrives: what one endpoint no longer reaches none of the others does.")]
    internal static void An_unmapped_range_is_reached_by_no_endpoint_of_the_domain(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var (first, second) = (check.Dma(0), check.Dma(1));
        var driver = check.Start();
        var (domain, at, unit, physical) = (check.Domain(0), check.Virtual(1), check.Unit, check.Physical(1));
        Given(driver.Attach(domain, first.Id));
        if (!driver.Attach(domain, second.Id).IsOk) throw new NotApplicableException("a domain has one endpoint only");
        Given(driver.Map(domain, at, at + unit - 1, physical));
        foreach (var endpoint in new[] { first, second })
        {
            if (check.WriteArrives(endpoint, at, physical) != Arrival.All)
                throw new NotApplicableException($"endpoint 0x{endpoint.Id:x} does not reach the mapping (DESC-IOMMU-08)");
        }
        Given(driver.Unmap(domain, at, at + unit - 1));
        foreach (var endpoint in new[] { first, second })
        {
            That(
                check.WriteArrives(endpoint, at, physical) == Arrival.None,
                $"a write of endpoint 0x{endpoint.Id:x} after UNMAP arrives nowhere", "it arrived");
        }
    }

    [Check("IOMMU-UNMAP-D-07",
        Does = "Maps 300 neighbouring units one by one, or as many as the device has room for, and one more on each side; unmaps the 300 at once.",
        Reading = "OK; each of them can be mapped again, and those on both sides cannot. The note tells how many there were.")]
    internal static void Unmapping_hundreds_of_mappings_removes_each(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        var many = MapMany(check, driver);
        ShowsMapped(check, driver, many.Domain, many.Below);
        Answers(driver.Unmap(many.Domain, many.First, many.Last), RequestStatus.Ok);
        foreach (var stays in new[] { many.Below, many.Above })
            That(!IsFree(check, driver, many.Domain, stays), $"the mapping at 0x{stays:x}, beside what was unmapped, as it was", "it is gone as well");
        foreach (var at in many.Mapped)
        {
            var map = driver.Map(many.Domain, at, at + check.Unit - 1, many.Physical);
            HasResources(map);
            That(map.IsOk, $"0x{at:x} free after an UNMAP of {many.Mapped.Count} mappings", "it is still mapped");
        }
        check.Note = $"{many.Mapped.Count} mappings";
    }

    [Check("IOMMU-UNMAP-D-07",
        Does = "Maps 300 neighbouring units one by one, or as many as the device has room for, and one more on each side; has the endpoint write to each, unmaps the 300 at once, and has "
            + "it write again.",
        Reading = "The writes to the units on both sides still arrive, no other does. The note tells how many there were.")]
    internal static void Hundreds_of_unmapped_ranges_are_no_longer_reached(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = check.Start();
        var many = MapMany(check, driver);
        foreach (var at in many.Mapped) Given(Arrives(at, many.Physical) == Arrival.All, $"the endpoint does not reach the mapping at 0x{at:x}");
        Given(driver.Unmap(many.Domain, many.First, many.Last));
        foreach (var at in many.Mapped)
            That(Arrives(at, many.Physical) == Arrival.None, $"a write at 0x{at:x} after an UNMAP of {many.Mapped.Count} mappings arrives nowhere", "it arrived");
        foreach (var stays in new[] { many.Below, many.Above })
            That(Arrives(stays, many.PhysicalBeside) == Arrival.All, $"a write at 0x{stays:x}, beside what was unmapped, arrives", "it did not");
        check.Note = $"{many.Mapped.Count} mappings";

        Arrival Arrives(ulong at, ulong physical) => check.WriteArrives(endpoint, at, physical);
    }

    /// <summary>Units mapped one by one, all to the same memory, between two that lead elsewhere; the device may have had no room for all.</summary>
    private sealed record ManyMappings(uint Domain, ulong Below, ulong First, ulong Last, ulong Above, IReadOnlyList<ulong> Mapped, ulong Physical, ulong PhysicalBeside);

    private static ManyMappings MapMany(CheckContext check, IommuDriver driver)
    {
        const ulong Many = 300;
        var (domain, below, unit, physical, beside) = (check.Domain(0), check.Virtual(Many + 2), check.Unit, check.Physical(1), check.Physical(1));
        var (first, above) = (below + unit, below + (Many + 1) * unit);
        Given(driver.Attach(domain, check.Endpoint));
        foreach (var at in new[] { below, above }) Given(driver.Map(domain, at, at + unit - 1, beside));
        var mapped = new List<ulong>();
        for (var at = first; at < above; at += unit)
        {
            var map = driver.Map(domain, at, at + unit - 1, physical);
            if (map.Status == RequestStatus.NoMem && mapped.Count > 0) break;
            Given(map);
            mapped.Add(at);
        }
        return new ManyMappings(domain, below, first, above - 1, above, mapped, physical, beside);
    }

    private static (IommuDriver Driver, uint Domain, ulong At) WithOneMapping(CheckContext check, ulong units)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        var at = check.Virtual(units);
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        Given(driver.Map(check.Domain(0), at, at + units * check.Unit - 1, check.Physical(units)));
        ShowsMapped(check, driver, check.Domain(0), at);
        return (driver, check.Domain(0), at);
    }

    /// <summary>Maps ranges (in units, end exclusive), unmaps one, and asks for OK and for every range to be free again.</summary>
    private static void Removes(CheckContext check, (int Start, int End)[] mappings, (int Start, int End) unmapped)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        var (domain, at, unit) = (check.Domain(0), check.Virtual(4), check.Unit);
        Given(driver.Attach(domain, check.Endpoint));
        foreach (var (start, end) in mappings)
            Given(driver.Map(domain, at + (ulong)start * unit, at + (ulong)end * unit - 1, check.Physical((ulong)(end - start))));
        foreach (var (start, _) in mappings) ShowsMapped(check, driver, domain, at + (ulong)start * unit);
        Answers(driver.Unmap(domain, at + (ulong)unmapped.Start * unit, at + (ulong)unmapped.End * unit - 1), RequestStatus.Ok);
        for (var n = unmapped.Start; n < unmapped.End; n++)
            That(IsFree(check, driver, domain, at + (ulong)n * unit), $"unit {n} free after the UNMAP", "it is still mapped");
    }

    /// <summary>N/A unless mapping what is mapped already is refused, so that a mapping can be seen.</summary>
    private static void ShowsMapped(CheckContext check, IommuDriver driver, uint domain, ulong at)
    {
        if (IsFree(check, driver, domain, at)) throw new NotApplicableException("the device maps over existing mappings, so they cannot be seen");
    }

    /// <summary>Whether a unit is unmapped, seen by mapping it; it is mapped afterwards.</summary>
    private static bool IsFree(CheckContext check, IommuDriver driver, uint domain, ulong at)
    {
        var map = driver.Map(domain, at, at + check.Unit - 1, check.Physical(1));
        HasResources(map);
        return map.IsOk;
    }
}
