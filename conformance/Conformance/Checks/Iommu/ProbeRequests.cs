using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Iommu;

/// <summary>IOMMU Device / Device operations / PROBE request.</summary>
internal static class ProbeRequests
{
    private static readonly byte[] ReservedMemoryHeader = [(byte)ProbeProperty.ReservedMemory, 0, ReservedRegion.ValueSize, 0];

    internal static readonly TargetShape WithoutProbe = new() { Withholding = Features.Probe };

    [Check("IOMMU-PROBE-D-01",
        Does = "Probes an endpoint with the 64 reserved bytes zero, and again with all of them non-zero.",
        Reading = "Both answers are the same to the byte.")]
    internal static void Reserved_bytes_are_ignored(CheckContext check)
    {
        check.Requires(Features.Probe);
        var driver = check.Start();
        var clean = driver.Probe(check.Endpoint);
        Given(clean);
        var dirty = driver.Send(new ProbeRequest(check.Endpoint, (int)driver.Config.ProbeSize) { Reserved = 0xff });
        That(
            dirty.UsedLength == clean.UsedLength && dirty.Reply.AsSpan().SequenceEqual(clean.Reply),
            $"the same answer as with reserved bytes zero: {clean.Answer}", $"{dirty.Answer}, other bytes");
    }

    [Check("IOMMU-PROBE-D-02",
        Does = "Probes an endpoint that the device does not manage.",
        Reading = "NOENT in the tail, which follows probe_size bytes of properties. The used length may leave it out, where the properties were not filled.")]
    internal static void An_unknown_endpoint_is_rejected_with_NOENT(CheckContext check)
    {
        check.Requires(Features.Probe);
        var probe = check.Start().Probe(UnknownEndpoint);
        That(TailStatus(probe) == RequestStatus.NoEnt, $"{probe.Request} answered NOENT", probe.Answer);
    }

    [Check("IOMMU-PROBE-D-03",
        Does = "Sends PROBE with a poisoned buffer to a device that does not offer the feature.",
        Reading = "The buffer still holds the poison.", Shape = nameof(WithoutProbe))]
    internal static void Without_the_feature_the_buffer_is_not_written(CheckContext check)
    {
        var exchange = ProbeWithoutFeature(check);
        That(exchange.IsReturned && exchange.IsUnwritten, "a PROBE returned with its buffer as it was", exchange.Answer);
    }

    [Check("IOMMU-PROBE-D-04",
        Does = "Sends PROBE to a device that does not offer the feature.",
        Reading = "Used length 0.", Shape = nameof(WithoutProbe))]
    internal static void Without_the_feature_the_used_length_is_zero(CheckContext check)
    {
        var exchange = ProbeWithoutFeature(check);
        That(exchange.IsReturned && exchange.UsedLength == 0, "used length 0 for a PROBE", exchange.Answer);
    }

    [Check("IOMMU-PROBE-D-05",
        Does = "Walks the property list of each endpoint.",
        Reading = "Bits 12 to 15 of each header's first word are zero.")]
    internal static void Reserved_bits_of_property_headers_are_zero(CheckContext check)
    {
        foreach (var (endpoint, property) in AllProperties(check))
        {
            That(
                property.Reserved == 0, $"reserved bits zero in the property at {property.Offset} of endpoint 0x{endpoint:x}",
                $"they are 0x{property.Reserved:x}");
        }
    }

    [Check("IOMMU-PROBE-D-06",
        Does = "Walks the property list of each endpoint and looks at the length of each RESV_MEM property.",
        Reading = "20: the value without the four bytes of the header.")]
    internal static void The_length_of_a_property_leaves_its_header_out(CheckContext check)
    {
        var known = AllProperties(check).Where(pair => pair.Property.Type == ProbeProperty.ReservedMemory).ToList();
        if (known.Count == 0) throw new NotApplicableException("no endpoint reports a property whose length is known");
        foreach (var (endpoint, property) in known)
        {
            That(
                property.Length == ReservedRegion.ValueSize,
                $"length {ReservedRegion.ValueSize} in the RESV_MEM property at {property.Offset} of endpoint 0x{endpoint:x}", $"{property.Length}");
        }
    }

    [Check("IOMMU-PROBE-D-07",
        Does = "Walks the property lists that have several entries, header plus length by header plus length.",
        Reading = "Each step lands on another whole property, and no RESV_MEM header is left behind the end of the list.")]
    internal static void Properties_follow_each_other_without_gaps(CheckContext check)
    {
        check.Requires(Features.Probe);
        var driver = check.Start();
        var several = false;
        foreach (var endpoint in check.Endpoints)
        {
            var area = PropertiesOf(driver, endpoint.Id);
            var properties = ProbeProperty.Parse(area);
            several |= properties.Count > 1;
            foreach (var property in properties)
            {
                That(
                    !property.IsTruncated,
                    $"a whole property at {property.Offset} of endpoint 0x{endpoint.Id:x}",
                    $"type {property.Type}, length {property.Length}: {Convert.ToHexStringLower(property.Value)}");
            }
            var end = properties.Count == 0 ? 0 : properties[^1].Offset + ProbeProperty.HeaderSize + properties[^1].Length;

            // Type 1, length 20: what the walk would have found had it been led there.
            var stray = area.AsSpan(Math.Min(end, area.Length)).IndexOf(ReservedMemoryHeader);
            That(stray < 0, $"no property behind the end of the list of endpoint 0x{endpoint.Id:x} at {end}", $"there is one {stray} bytes behind it");
        }
        if (!several) throw new NotApplicableException("no endpoint reports more than one property");
    }

    [Check("IOMMU-PROBE-D-08",
        Does = "Probes with properties areas of probe_size - 1, half of it, and 0 bytes.",
        Reading = "No property in the area: it is untouched or zero.")]
    internal static void No_property_is_written_into_an_area_that_is_too_small(CheckContext check)
    {
        foreach (var exchange in UndersizedProbes(check))
        {
            var area = exchange.Reply.AsSpan(0, exchange.TailOffset);
            That(
                area.IndexOfAnyExcept(GuardedBuffer.Poison, (byte)0) < 0,
                $"no property in an area of {area.Length} bytes", $"{exchange.Answer}, the area begins {Convert.ToHexStringLower(area[..Math.Min(16, area.Length)])}");
        }
    }

    [Check("IOMMU-PROBE-D-09",
        Does = "Probes with properties areas of probe_size - 1, half of it, and 0 bytes.",
        Reading = "INVAL in the last four writable bytes, whether the used length counts them or not.")]
    internal static void An_area_that_is_too_small_is_rejected_with_INVAL(CheckContext check)
    {
        foreach (var exchange in UndersizedProbes(check))
            That(TailStatus(exchange) == RequestStatus.Inval, $"{exchange.Request} answered INVAL", exchange.Answer);
    }

    [Check("IOMMU-PROBE-D-10",
        Does = "Probes each endpoint with a poisoned buffer.",
        Reading = "Every byte from the end of the property list to the tail is zero.")]
    internal static void The_rest_of_the_properties_area_is_zeroed(CheckContext check)
    {
        check.Requires(Features.Probe);
        var driver = check.Start();
        foreach (var endpoint in check.Endpoints)
        {
            var area = PropertiesOf(driver, endpoint.Id);
            var properties = ProbeProperty.Parse(area);
            var end = properties.Count == 0 ? 0 : Math.Min(area.Length, properties[^1].Offset + ProbeProperty.HeaderSize + properties[^1].Length);
            var stray = area.AsSpan(end).IndexOfAnyExcept((byte)0);
            That(stray < 0, $"zeroes behind the end of the list of endpoint 0x{endpoint.Id:x} at {end}", $"byte {end + stray} is 0x{(stray < 0 ? 0 : area[end + stray]):x2}");
        }
    }

    [Check("DESC-IOMMU-14",
        Does = "Walks the property list of each endpoint to its end.",
        Reading = "The list ends with a property of type 0 or exactly with the area: no header or value sticks out of it.")]
    internal static void The_property_list_ends_inside_its_area(CheckContext check)
    {
        check.Requires(Features.Probe);
        var driver = check.Start();
        foreach (var endpoint in check.Endpoints)
        {
            var last = ProbeProperty.Parse(PropertiesOf(driver, endpoint.Id)).LastOrDefault();
            That(
                last is not { IsTruncated: true }, $"the list of endpoint 0x{endpoint.Id:x} inside {driver.Config.ProbeSize} bytes",
                $"the property at {last?.Offset} says it has {last?.Length} bytes, {last?.Value.Length} are left");
        }
    }

    /// <summary>The regions that PROBE reports of each endpoint; N/A where there is none.</summary>
    internal static List<(uint Endpoint, ReservedRegion Region)> AllRegions(CheckContext check)
    {
        var regions = AllProperties(check).Select(pair => (pair.Endpoint, Region: pair.Property.AsReservedRegion()))
            .Where(pair => pair.Region is not null).Select(pair => (pair.Endpoint, pair.Region!)).ToList();
        return regions.Count > 0 ? regions : throw new NotApplicableException("no endpoint reports a reserved region");
    }

    private static List<(uint Endpoint, ProbeProperty Property)> AllProperties(CheckContext check)
    {
        check.Requires(Features.Probe);
        var driver = check.Start();
        _ = check.Endpoint;
        var properties = check.Endpoints
            .SelectMany(endpoint => ProbeProperty.Parse(PropertiesOf(driver, endpoint.Id)).Select(property => (endpoint.Id, property))).ToList();
        return properties.Count > 0 ? properties : throw new NotApplicableException("no endpoint reports a property");
    }

    private static byte[] PropertiesOf(IommuDriver driver, uint endpoint)
    {
        var probe = driver.Probe(endpoint);
        Given(probe);
        return probe.Reply[..probe.TailOffset];
    }

    /// <summary>The status that was written into the tail, whatever the used length says; null where none was.</summary>
    internal static RequestStatus? TailStatus(Exchange probe) =>
        probe.IsReturned && probe.Reply[probe.TailOffset] != GuardedBuffer.Poison ? (RequestStatus)probe.Reply[probe.TailOffset] : null;

    private static Exchange ProbeWithoutFeature(CheckContext check)
    {
        if (check.Offers(Features.Probe)) throw new NotApplicableException("the device offers PROBE");
        return check.Start().Send(new ProbeRequest(check.Endpoint, 256));
    }

    private static IEnumerable<Exchange> UndersizedProbes(CheckContext check)
    {
        check.Requires(Features.Probe);
        var size = (int)check.Initial.Config.ProbeSize;
        if (size == 0) throw new NotApplicableException("probe_size is 0, no area is too small");
        var driver = check.Start();
        foreach (var smaller in new[] { size - 1, size / 2, 0 }.Distinct())
        {
            var exchange = driver.Send(new ProbeRequest(check.Endpoint, smaller));
            That(exchange.IsReturned, $"a PROBE with {smaller} bytes for properties comes back", exchange.Answer);
            yield return exchange;
        }
    }
}
