using Viommu.Guest.Targets;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Iommu;

/// <summary>IOMMU Device / Device operations / MAP request.</summary>
internal static class MapRequests
{
    private const int AccessLength = 64;

    internal static readonly TargetShape NarrowInputRange =
        new() { Offering = Features.InputRange | Features.MapUnmap, InputRange = new AddressWindow(0x1000_0000, 0x1fff_ffff) };

    [Check("IOMMU-MAP-D-01",
        Does = "Maps a range that starts half a granule into a granule.",
        Reading = "RANGE, and nothing is mapped: the aligned range can be mapped afterwards.")]
    internal static void A_virt_start_off_the_granule_is_rejected_with_RANGE(CheckContext check) =>
        Misaligned(check, (at, physical, half, last) => (at + half, last, physical));

    [Check("IOMMU-MAP-D-01",
        Does = "Maps an aligned range to a physical address half a granule into a granule.",
        Reading = "RANGE, and nothing is mapped: the aligned range can be mapped afterwards.")]
    internal static void A_phys_start_off_the_granule_is_rejected_with_RANGE(CheckContext check) =>
        Misaligned(check, (at, physical, half, last) => (at, last, physical + half));

    [Check("IOMMU-MAP-D-01",
        Does = "Maps a range whose end plus one is half a granule into a granule.",
        Reading = "RANGE, and nothing is mapped: the aligned range can be mapped afterwards.")]
    internal static void A_virt_end_off_the_granule_is_rejected_with_RANGE(CheckContext check) =>
        Misaligned(check, (at, physical, half, last) => (at, last - half, physical));

    [Check("IOMMU-MAP-D-01",
        Does = "Maps the last granule of the 64-bit address space, whose end plus one wraps to 0.",
        Reading = "Any answer but RANGE: zero is aligned.")]
    internal static void The_last_granule_of_the_address_space_is_aligned(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var last = check.Initial.Translatable.Last;
        if (last != ulong.MaxValue) throw new NotApplicableException($"input_range ends at 0x{last:x}");
        if (check.Initial.ReservedRegions.Any(region => region.End > last - check.Unit)) throw new NotApplicableException("the last addresses are reserved");
        var driver = check.Start();
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        var map = driver.Map(check.Domain(0), ulong.MaxValue - check.Unit + 1, ulong.MaxValue, check.Physical(1));
        HasResources(map);
        That(map.Status is not (null or RequestStatus.Range), $"{map.Request} not answered RANGE", map.Answer);
    }

    [Check("IOMMU-MAP-D-02",
        Does = "Maps a range, then the same, a part, more than all, and both edges of it.",
        Reading = "INVAL for each overlap, and the mapping stays as it was: unmapping exactly it is answered OK.")]
    internal static void Overlapping_an_existing_mapping_is_rejected_with_INVAL(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        var (unit, domain, physical) = (check.Unit, check.Domain(0), check.Physical(8));
        var first = check.Virtual(8) + 2 * unit;
        var last = first + 4 * unit - 1;
        Given(driver.Attach(domain, check.Endpoint));
        Given(driver.Map(domain, first, last, physical));
        (ulong Start, ulong End)[] overlaps =
        [
            (first, last), (first + unit, last - unit), (first - unit, last + unit), (first - unit, first + unit - 1), (last - unit + 1, last + unit),
        ];
        foreach (var (start, end) in overlaps) Answers(driver.Map(domain, start, end, physical), RequestStatus.Inval);
        var unmap = driver.Unmap(domain, first, last);
        That(unmap.IsOk, "the existing mapping stays as it was, so that it can be unmapped as a whole", unmap.Answer);
    }

    [Check("IOMMU-MAP-D-02",
        Does = "Maps a range, tries to map another physical range over it, and has the endpoint write there.",
        Reading = "The write arrives at the first physical range: the rejected request has left no trace.")]
    internal static void A_rejected_overlap_does_not_change_the_translation(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = check.Start();
        var (at, physical, other) = (check.Virtual(1), check.Physical(1), check.Physical(1));
        var last = at + check.Unit - 1;
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        Given(driver.Map(check.Domain(0), at, last, physical));
        var overlap = driver.Map(check.Domain(0), at, last, other);
        That(!overlap.IsOk, "the overlapping MAP is rejected", overlap.Answer);
        var arrival = check.WriteArrives(endpoint, at, physical, AccessLength);
        That(arrival == Arrival.All, "a write still arrives through the existing mapping", "it did not");
    }

    [Check("IOMMU-MAP-D-03",
        Does = "Maps a range with each of the flag bits 3 to 31, which virtio 1.4 leaves undefined.",
        Reading = "INVAL each time, and nothing is mapped. The MMIO bit without F_MMIO is not judged: the text leaves open whether it is recognised then.")]
    internal static void Unrecognised_flags_are_rejected_with_INVAL(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        var (at, physical) = (check.Virtual(1), check.Physical(1));
        var last = at + check.Unit - 1;
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        for (var bit = 3; bit < 32; bit++)
            Answers(driver.Map(check.Domain(0), at, last, physical, MapFlags.Read | MapFlags.Write | 1u << bit), RequestStatus.Inval);
        var proper = driver.Map(check.Domain(0), at, last, physical);
        That(proper.IsOk, "the rejected requests have mapped nothing, so that the range can be mapped", proper.Answer);
    }

    [Check("IOMMU-MAP-D-04",
        Does = "Maps a range of a domain that nothing was ever attached to.",
        Reading = "NOENT.")]
    internal static void A_domain_that_never_existed_is_answered_NOENT(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        Answers(AttachRequests.MapOne(check, driver, check.Domain(0)), RequestStatus.NoEnt);
    }

    [Check("IOMMU-MAP-D-04",
        Does = "Maps a range of a domain whose last endpoint has been detached.",
        Reading = "NOENT.")]
    internal static void A_domain_that_ended_is_answered_NOENT(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        Given(driver.Detach(check.Domain(0), check.Endpoint));
        Answers(AttachRequests.MapOne(check, driver, check.Domain(0)), RequestStatus.NoEnt);
    }

    [Check("IOMMU-MAP-D-05",
        Does = "Attaches an endpoint with F_BYPASS and maps a range of its domain.",
        Reading = "INVAL.")]
    internal static void MAP_on_a_bypass_domain_is_rejected_with_INVAL(CheckContext check)
    {
        check.Requires(Features.MapUnmap | Features.BypassConfig);
        var driver = check.Start();
        Given(driver.Attach(check.Domain(0), check.Endpoint, AttachRequest.BypassFlag));
        Answers(AttachRequests.MapOne(check, driver, check.Domain(0)), RequestStatus.Inval);
    }

    [Check("IOMMU-MAP-D-06",
        Does = "Maps a range for reading only, and has the endpoint read and write there.",
        Reading = "The read works, the write changes nothing.")]
    internal static void A_range_mapped_READ_cannot_be_written(CheckContext check) => CannotBeWritten(check, MapFlags.Read);

    [Check("IOMMU-MAP-D-06",
        Does = "Maps a range with no flags at all, if the device lets it, and has the endpoint write there.",
        Reading = "The write changes nothing. N/A where the MAP is rejected, which is fine.")]
    internal static void A_range_mapped_without_flags_cannot_be_written(CheckContext check) => CannotBeWritten(check, 0);

    [Check("IOMMU-MAP-D-06",
        Does = "Maps a range with the MMIO flag alone, if the device lets it, and has the endpoint write there.",
        Reading = "The write changes nothing: MMIO is a memory type and permits nothing. N/A where the MAP is rejected, which is fine.")]
    internal static void A_range_mapped_MMIO_alone_cannot_be_written(CheckContext check)
    {
        check.Requires(Features.Mmio);
        CannotBeWritten(check, MapFlags.Mmio);
    }

    [Check("IOMMU-MAP-D-06",
        Does = "Maps a writable granule and, behind it, one for reading only, and has the endpoint write across the border.",
        Reading = "No byte behind the border changes; those before it may or may not.")]
    internal static void A_write_does_not_run_over_into_a_range_mapped_READ(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = check.Start();
        var (at, physical) = (check.Virtual(2), check.Physical(2));
        var border = at + check.Unit;
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        Given(driver.Map(check.Domain(0), at, border - 1, physical));
        Given(driver.Map(check.Domain(0), border, border + check.Unit - 1, physical + check.Unit, MapFlags.Read));
        const int half = AccessLength;
        Given(check.WriteArrives(endpoint, border - half, physical + check.Unit - half, half) == Arrival.All, "the endpoint does not reach the writable range");
        check.Machine.Target.Ram.Write(physical + check.Unit, new byte[half]);
        endpoint.Write(border - half, 2 * half);
        var behind = new byte[half];
        check.Machine.Target.Ram.Read(physical + check.Unit, behind);
        That(behind.AsSpan().IndexOfAnyExcept((byte)0) < 0, "memory behind the border unchanged", "the write ran over into it");
    }

    [Check("IOMMU-MAP-D-07",
        Does = "Maps a range for writing only, if the device lets it, and has the endpoint write and read there.",
        Reading = "The write works; a read may work or not, and the note tells which.")]
    internal static void A_range_mapped_WRITE_may_be_readable(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = check.Start();
        var (at, physical) = (check.Virtual(2), check.Physical(2));
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        if (!driver.Map(check.Domain(0), at, at + check.Unit - 1, physical, MapFlags.Write).IsOk)
            throw new NotApplicableException("the device does not map for writing only");
        var window = at + check.Unit;
        Given(driver.Map(check.Domain(0), window, window + check.Unit - 1, physical + check.Unit));
        That(check.WriteArrives(endpoint, at, physical, AccessLength) == Arrival.All, "a write to a range mapped WRITE arrives", "it did not");
        var secret = check.ReadSecret(endpoint, at, physical, AccessLength);
        check.Note = check.Fetched(endpoint, secret, window, physical + check.Unit) == Arrival.All
            ? "WRITE implies READ" : "a range mapped WRITE cannot be read";
    }

    [Check("DESC-IOMMU-13",
        Does = "Maps four granules to a physical range at another offset, and has the endpoint write at the first, middle and last bytes.",
        Reading = "Each write arrives at VA - virt_start + phys_start.")]
    internal static void Addresses_inside_a_mapping_are_moved_by_phys_start_minus_virt_start(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = check.Start();
        var (at, physical, length) = (check.Virtual(4), check.Physical(4), AccessLength);
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        Given(driver.Map(check.Domain(0), at, at + 4 * check.Unit - 1, physical));
        foreach (var offset in new ulong[] { 0, check.Unit, 2 * check.Unit + check.Unit / 2, 4 * check.Unit - (ulong)length })
        {
            That(
                check.WriteArrives(endpoint, at + offset, physical + offset, length) == Arrival.All,
                $"{length} bytes written at 0x{at + offset:x} arrive at 0x{physical + offset:x}", "they did not");
        }
    }

    [Check("DESC-IOMMU-13",
        Does = "Maps one granule and has the endpoint write right below and right above it.",
        Reading = "Neither write arrives next to the mapped memory: the range is inclusive and no wider.")]
    internal static void Addresses_next_to_a_mapping_are_not_translated(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = check.Start();
        var (at, physical, length) = (check.Virtual(3) + check.Unit, check.Physical(3) + check.Unit, AccessLength);
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        Given(driver.Map(check.Domain(0), at, at + check.Unit - 1, physical));
        Given(check.WriteArrives(endpoint, at, physical, length) == Arrival.All, "the endpoint does not reach the mapping");
        That(
            check.WriteArrives(endpoint, at - (ulong)length, physical - (ulong)length, length) == Arrival.None,
            "a write right below the mapping arrives nowhere", "it arrived right below the mapped memory");
        That(
            check.WriteArrives(endpoint, at + check.Unit, physical + check.Unit, length) == Arrival.None,
            "a write right above the mapping arrives nowhere", "it arrived right above the mapped memory");
    }

    [Check("DESC-IOMMU-13",
        Does = "Maps two neighbouring granules to physical ranges that are no neighbours, in swapped order, and has the endpoint write and read across the border.",
        Reading = "The first half goes to and comes from the one range, the second half the other.")]
    internal static void An_access_across_two_mappings_follows_each(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = check.Start();
        var (at, high, low, length) = (check.Virtual(3), check.Physical(1), check.Physical(1), AccessLength);
        (high, low) = (low, high);
        var half = (ulong)length / 2;
        var border = at + check.Unit;
        var (endOfFirst, startOfSecond) = (high + check.Unit - half, low);
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        Given(driver.Map(check.Domain(0), at, border - 1, high));
        Given(driver.Map(check.Domain(0), border, border + check.Unit - 1, low));

        endpoint.Write(border - half, length);
        var ram = check.Machine.Target.Ram;
        var (first, second) = (new byte[half], new byte[half]);
        ram.Read(endOfFirst, first);
        ram.Read(startOfSecond, second);
        That(
            first.AsSpan().SequenceEqual(endpoint.Pattern[..(int)half]) && second.AsSpan().SequenceEqual(endpoint.Pattern[(int)half..length]),
            "both halves of the write arrive, each where its mapping leads", "they did not");

        var (window, backing) = (at + 2 * check.Unit, check.Physical(1));
        Given(driver.Map(check.Domain(0), window, window + check.Unit - 1, backing));
        var secret = new byte[length];
        check.Random.NextBytes(secret);
        ram.Write(endOfFirst, secret.AsSpan(0, (int)half));
        ram.Write(startOfSecond, secret.AsSpan((int)half));
        endpoint.Read(border - half, length);
        That(check.Fetched(endpoint, secret, window, backing) == Arrival.All, "both halves of the read come from where their mappings lead", "they did not");
    }

    [Check("DESC-IOMMU-13",
        Does = "Has each endpoint of a domain write and read where nothing is mapped, maps the range, and has each of them write again.",
        Reading = "The second writes arrive, although the first ones failed.")]
    internal static void A_mapping_is_reached_where_an_access_failed_before(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoints = Enumerable.Range(0, Math.Max(1, check.Endpoints.Count)).Select(check.Dma).ToList();
        var driver = check.Start();
        var (at, physical) = (check.Virtual(1), check.Physical(1));
        Given(driver.Attach(check.Domain(0), endpoints[0].Id));

        // Of the others, those that the device lets share the domain (ATTACH-D-04).
        endpoints.RemoveAll(endpoint => endpoint != endpoints[0] && !driver.Attach(check.Domain(0), endpoint.Id).IsOk);
        foreach (var endpoint in endpoints)
        {
            endpoint.Write(at, AccessLength);
            endpoint.Read(at, AccessLength);
        }
        Given(driver.Map(check.Domain(0), at, at + check.Unit - 1, physical));
        foreach (var endpoint in endpoints)
        {
            That(
                check.WriteArrives(endpoint, at, physical, AccessLength) == Arrival.All,
                $"endpoint 0x{endpoint.Id:x} reaches what was mapped after an access of it had failed", "its write did not arrive");
        }
    }

    [Check("DESC-IOMMU-13",
        Does = "Maps a range for reading only, if the device lets it, and has the endpoint read there.",
        Reading = "The read fetches what is there: the flags permit it. N/A where the MAP is rejected, which is fine.")]
    internal static void A_range_mapped_READ_can_be_read(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = check.Start();
        var (at, physical) = (check.Virtual(2), check.Physical(2));
        var (window, backing) = (at + check.Unit, physical + check.Unit);
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        var map = driver.Map(check.Domain(0), at, at + check.Unit - 1, physical, MapFlags.Read);
        if (!map.IsOk) throw new NotApplicableException($"the device rejects a MAP with flags {MapFlags.Describe(MapFlags.Read)} ({map.Answer})");
        Given(driver.Map(check.Domain(0), window, window + check.Unit - 1, backing));
        Given(check.WriteArrives(endpoint, window, backing, AccessLength) == Arrival.All, "the endpoint does not reach the window that shows what it has read");
        var secret = check.ReadSecret(endpoint, at, physical, AccessLength);
        That(check.Fetched(endpoint, secret, window, backing) == Arrival.All, $"a read at 0x{at:x}, which is mapped READ, fetches what is there", "it did not");
    }

    [Check("DESC-IOMMU-03",
        Does = "Maps one granule, and has the endpoint write at its first and its last byte.",
        Reading = "OK, and both writes arrive: the lowest bit of page_size_mask is the granularity, whatever larger sizes there are.")]
    internal static void A_single_granule_can_be_mapped(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        if (check.Granule == 1) throw new NotApplicableException("virt_end cannot be above virt_start with a granule of one byte");
        var endpoint = check.Dma(0);
        var driver = check.Start();
        var (at, physical, last) = (check.Virtual(1), check.Physical(1), check.Granule - 1);
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        Answers(driver.Map(check.Domain(0), at, at + last, physical), RequestStatus.Ok);
        That(
            check.WriteArrives(endpoint, at, physical, 1) == Arrival.All && check.WriteArrives(endpoint, at + last, physical + last, 1) == Arrival.All,
            "the first and the last byte of the granule reached", "one of them is not");
    }

    [Check("DESC-IOMMU-04",
        Does = "Where input_range does not span everything, maps a granule right below and right above it, and one across each of its ends.",
        Reading = "Any status but OK.")]
    internal static void MAP_outside_input_range_fails(CheckContext check) => OutsideInputRangeFails(check);

    [Check("DESC-IOMMU-04",
        Does = "On a device whose input_range is 0x10000000 to 0x1fffffff, maps a granule right below and right above it, and one across each of its ends.",
        Reading = "Any status but OK.", Shape = nameof(NarrowInputRange))]
    internal static void MAP_outside_a_narrow_input_range_fails(CheckContext check) => OutsideInputRangeFails(check);

    private static void OutsideInputRangeFails(CheckContext check)
    {
        check.Requires(Features.MapUnmap | Features.InputRange);
        var (first, last) = (check.Initial.Config.InputStart, check.Initial.Config.InputEnd);
        var granule = check.Granule;
        var ranges = new List<(ulong Start, ulong End)>();
        if (first >= granule) ranges.AddRange([(first - granule, first - 1), (first - granule, first + granule - 1)]);
        if (ulong.MaxValue - last >= granule) ranges.AddRange([(last + 1, last + granule), (last - granule + 1, last + granule)]);
        if (ranges.Count == 0) throw new NotApplicableException("input_range spans every address");
        var driver = check.Start();
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        Given(AttachRequests.MapOne(check, driver, check.Domain(0)));
        Given(driver.Unmap(check.Domain(0), first, last));
        foreach (var (start, end) in ranges) Rejected(driver.Map(check.Domain(0), start, end, check.Physical(2)));
    }

    private static void Misaligned(CheckContext check, Func<ulong, ulong, ulong, ulong, (ulong Start, ulong End, ulong Physical)> spoil)
    {
        check.Requires(Features.MapUnmap);
        if (check.Granule == 1) throw new NotApplicableException("with a granule of one byte everything is aligned");
        var driver = check.Start();
        var (at, physical) = (check.Virtual(2), check.Physical(3));
        var last = at + 2 * check.Granule - 1;
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        var (start, end, target) = spoil(at, physical, check.Granule / 2, last);
        Answers(driver.Map(check.Domain(0), start, end, target), RequestStatus.Range);
        var proper = driver.Map(check.Domain(0), at, last, physical);
        That(proper.IsOk, "the rejected request has mapped nothing, so that the aligned range can be mapped", proper.Answer);
    }

    private static void CannotBeWritten(CheckContext check, uint flags)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = check.Start();
        var (at, physical) = (check.Virtual(2), check.Physical(2));
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        var map = driver.Map(check.Domain(0), at, at + check.Unit - 1, physical, flags);
        if (!map.IsOk) throw new NotApplicableException($"the device rejects a MAP with flags {MapFlags.Describe(flags)} ({map.Answer})");
        var window = at + check.Unit;
        Given(driver.Map(check.Domain(0), window, window + check.Unit - 1, physical + check.Unit));
        var isReadable = true;
        if (flags == MapFlags.Read)
        {
            var secret = check.ReadSecret(endpoint, at, physical, AccessLength);
            isReadable = check.Fetched(endpoint, secret, window, physical + check.Unit) == Arrival.All;
        }
        var arrival = check.WriteArrives(endpoint, at, physical, AccessLength);
        That(arrival == Arrival.None, $"memory mapped with flags {MapFlags.Describe(flags)} unchanged by a write", $"{arrival} of the write arrived");
        if (!isReadable) throw new NotApplicableException("the endpoint cannot read the range either (DESC-IOMMU-13), so that it may just not reach it");
    }
}
