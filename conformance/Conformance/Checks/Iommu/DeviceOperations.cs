using Viommu.Guest.Driver;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Iommu;

/// <summary>IOMMU Device / Device operations: what all requests have in common.</summary>
internal static class DeviceOperations
{
    // Zero is no type, and no extension of the spec is anywhere near the others.
    private static readonly byte[] UnknownTypes = [0, 0x7f, 0xc3, 0xff];

    [Check("IOMMU-OPS-D-01",
        Does = "Takes an endpoint through ATTACH, MAP, UNMAP and DETACH, and sees of each whether it had its effect.",
        Reading = "Each is answered OK: what had its effect has succeeded, and nothing speaks against any of them. N/A at NOMEM and DEVERR, the device's own limits, which it can meet "
            + "at any time; another status says of a request what is not so.")]
    internal static void Requests_that_succeed_are_answered_OK(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        var (domain, at, physical) = (check.Domain(0), check.Virtual(1), check.Physical(1));
        var last = at + check.Unit - 1;
        var attach = driver.Attach(domain, check.Endpoint);
        var map = driver.Map(domain, at, last, physical);
        Succeeded(attach, map.Status != RequestStatus.NoEnt);
        var again = driver.Map(domain, at, last, physical);
        Succeeded(map, map.Status != RequestStatus.Inval && again.Status == RequestStatus.Inval);
        var unmap = driver.Unmap(domain, at, last);
        Succeeded(unmap, driver.Map(domain, at, last, physical).IsOk);
        var detach = driver.Detach(domain, check.Endpoint);
        Succeeded(detach, driver.Map(domain, at, last, physical).Status == RequestStatus.NoEnt);

        static void Succeeded(Exchange exchange, bool hadEffect)
        {
            if (exchange.IsOk) return;
            That(!hadEffect, $"{exchange.Request}, which had its effect, answered OK", exchange.Answer);
            HasResources(exchange);
            That(false, $"{exchange.Request}, against which nothing speaks, answered OK", exchange.Answer);
        }
    }

    [Check("IOMMU-OPS-D-02",
        Does = "Sends requests of types 0, 0x7f, 0xc3 and 0xff with a poisoned tail.",
        Reading = "The tail still holds the poison. UNSUPP written into it is the usual deviation: a driver must not rely on finding it.")]
    internal static void The_buffer_of_a_request_of_unknown_type_is_not_written(CheckContext check)
    {
        var driver = check.Start();
        foreach (var exchange in UnknownTypes.Select(type => driver.Send(OfType(type))))
        {
            Given(exchange.IsReturned, $"{exchange.Request} did not come back");
            That(exchange.IsUnwritten, $"the writable part of a request of type 0x{exchange.Sent[0]:x2} left as it was", exchange.Answer);
        }
    }

    [Check("IOMMU-OPS-D-03",
        Does = "Sends requests of types 0, 0x7f, 0xc3 and 0xff, then a valid ATTACH.",
        Reading = "Used length 0 for each, and the device goes on: the ATTACH is answered OK.")]
    internal static void A_request_of_unknown_type_is_returned_with_used_length_zero(CheckContext check)
    {
        var driver = check.Start();
        foreach (var type in UnknownTypes)
        {
            var exchange = driver.Send(OfType(type));
            That(exchange.IsReturned && exchange.UsedLength == 0, $"used length 0 for a request of type 0x{type:x2}", exchange.Answer);
        }
        Answers(driver.Attach(check.Domain(0), check.Endpoint), RequestStatus.Ok);
    }

    [Check("IOMMU-OPS-D-04",
        Does = "Sends the same good and bad requests twice: with the head's reserved bytes zero, and with them random.",
        Reading = "Both times the same statuses and used lengths.")]
    internal static void Reserved_bytes_of_the_head_are_ignored(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var physical = check.Physical(1);
        var clean = Answered(0);
        var dirty = Answered((uint)check.Random.Next(1, 1 << 24));
        for (var i = 0; i < clean.Count; i++)
        {
            That(
                clean[i].Status == dirty[i].Status && clean[i].UsedLength == dirty[i].UsedLength,
                $"{dirty[i].Request} answered as with reserved bytes zero: {clean[i].Answer}", dirty[i].Answer);
        }

        List<Exchange> Answered(uint reserved)
        {
            var driver = check.Start();
            var at = check.Virtual(1);
            var (domain, missing, last) = (check.Domain(0), check.Domain(1), at + check.Unit - 1);
            Request[] requests =
            [
                new AttachRequest(domain, check.Endpoint),
                new MapRequest(domain, at, last, physical, MapFlags.Read),
                new MapRequest(missing, at, last, physical, MapFlags.Read),
                new UnmapRequest(domain, at, last),
                new UnmapRequest(missing, at, last),
                new AttachRequest(missing, UnknownEndpoint),
                new DetachRequest(domain, check.Endpoint),
            ];
            var exchanges = requests.Select(request => driver.Send(request with { HeadReserved = reserved })).ToList();
            if (driver.Has(Features.Probe))
                exchanges.Add(driver.Send(new ProbeRequest(check.Endpoint, (int)driver.Config.ProbeSize) { HeadReserved = reserved }));
            Given(exchanges.All(exchange => exchange.IsReturned), "a request did not come back");
            if (reserved == 0) Given(exchanges[0]);
            return exchanges;
        }
    }

    [Check("IOMMU-OPS-D-05",
        Does = "Sends requests that are accepted and requests that are rejected, each with a poisoned tail.",
        Reading = "Wherever the device wrote a status, the three bytes behind it are zero.")]
    internal static void Reserved_bytes_of_the_tail_are_zero(CheckContext check)
    {
        var driver = check.Start();
        Exchange[] exchanges =
        [
            driver.Attach(check.Domain(0), check.Endpoint),
            driver.Attach(check.Domain(1), UnknownEndpoint),
            driver.Map(check.Domain(2), check.Virtual(1), check.Virtual(1) + check.Unit - 1, 0),
            driver.Unmap(check.Domain(2), 0, check.Unit - 1),
            driver.Detach(check.Domain(0), check.Endpoint),
        ];
        var answered = exchanges.Where(exchange => exchange.Status is not null).ToList();
        Given(answered.Count > 0, "no request was answered with a status");
        foreach (var exchange in answered)
        {
            That(
                exchange.Reply.AsSpan(exchange.TailOffset + 1, 3).IndexOfAnyExcept((byte)0) < 0,
                $"reserved bytes of the tail of {exchange.Request} zero",
                $"{exchange.Answer}, tail {Convert.ToHexStringLower(exchange.Reply.AsSpan(exchange.TailOffset))}");
        }
    }

    [Check("IOMMU-OPS-D-06",
        Does = "With no bypass mode in force, writes and reads guest memory from an endpoint that was never attached.",
        Reading = "Memory stays as it was, and the endpoint learns nothing of what is in it.")]
    internal static void An_endpoint_that_was_never_attached_reaches_no_memory(CheckContext check)
    {
        var endpoint = check.Dma(0);
        var driver = StartWithoutBypass(check);
        ReachesNothing(check, driver, endpoint, "that was never attached");
    }

    [Check("IOMMU-OPS-D-06",
        Does = "With no bypass mode in force, attaches and detaches an endpoint, then writes and reads guest memory from it.",
        Reading = "Memory stays as it was, and the endpoint learns nothing of what is in it.")]
    internal static void An_endpoint_that_was_detached_reaches_no_memory(CheckContext check)
    {
        var endpoint = check.Dma(0);
        var driver = StartWithoutBypass(check);
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        Given(driver.Detach(check.Domain(0), endpoint.Id));
        ReachesNothing(check, driver, endpoint, "that was detached");
    }

    [Check("IOMMU-OPS-D-06",
        Does = "With bypass 0, resets the device while an endpoint is attached, then writes guest memory from it.",
        Reading = "Memory stays as it was: a device reset keeps bypass, so the endpoint is unattached and not in bypass mode.")]
    internal static void An_endpoint_reaches_no_memory_after_a_device_reset(CheckContext check)
    {
        check.Requires(Features.BypassConfig);
        var endpoint = check.Dma(0);
        var driver = StartWithoutBypass(check);
        var page = check.Identity(1);
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        Given(check.Machine.ResetDevice(), "the status does not become 0 after a device reset");
        Given(check.Machine.ReadBypass() == 0, "bypass is not 0 any more after a device reset");
        That(check.WriteArrives(endpoint, page, page) == Arrival.None, "guest memory unchanged", "the write arrived");
    }

    [Check("DESC-IOMMU-05",
        Does = "Sets bypass to 1, resets the device, and makes DMA from an unattached endpoint while the next driver does not accept BYPASS_CONFIG.",
        Reading = "The access arrives: the value counts where the feature is offered, accepted or not.")]
    internal static void Bypass_applies_whether_the_driver_accepts_the_feature_or_not(CheckContext check)
    {
        check.Requires(Features.BypassConfig);
        var endpoint = check.Dma(0);
        check.Start();
        check.SetBypass(1);
        var page = check.Identity(1);
        That(check.WriteArrives(endpoint, page, page) == Arrival.All, "a write in bypass mode arrives, feature accepted", "it did not arrive");

        check.Start(new DriverSettings { Accept = Features.AcceptedByDefault & ~Features.BypassConfig });
        if (check.Machine.ReadBypass() != 1) throw new NotApplicableException("bypass does not keep its value over a device reset");
        That(check.WriteArrives(endpoint, page, page) == Arrival.All, "a write in bypass mode arrives, feature declined", "it did not arrive");
    }

    [Check("DESC-IOMMU-05",
        Does = "Has a driver that accepted BYPASS_CONFIG write 0 and 1 to bypass in turns, and read it after each.",
        Reading = "What was written is there: a driver may write the field (CFG-V-01), and it says whether unattached endpoints are in bypass mode.")]
    internal static void Bypass_reads_as_the_driver_wrote_it(CheckContext check)
    {
        check.Requires(Features.BypassConfig);
        check.Start();
        foreach (var value in new byte[] { 0, 1, 1, 0, 0, 1 })
        {
            check.Machine.WriteBypass(value);
            var read = check.Machine.ReadBypass();
            That(read == value, $"bypass {value} after it was written", $"bypass {read}");
        }
    }

    [Check("DESC-IOMMU-06",
        Does = "Sets bypass to 1 and has an unattached endpoint write and read across a page border.",
        Reading = "Every byte is written to, and read from, the address that the endpoint named.")]
    internal static void Bypass_mode_translates_by_identity(CheckContext check)
    {
        check.Requires(Features.BypassConfig);
        var endpoint = check.Dma(0);
        check.Start();
        check.SetBypass(1);
        var memory = check.Identity(3);
        var border = memory + 4096 - 100;
        That(check.WriteArrives(endpoint, border, border, 200) == Arrival.All, $"200 bytes written at 0x{border:x} arrive there", "they did not all arrive");
        var secret = check.ReadSecret(endpoint, border, border, 200);
        That(check.Fetched(endpoint, secret, memory + 8192, memory + 8192) == Arrival.All, $"200 bytes read at 0x{border:x} come from there", "they did not");
    }

    [Check("DESC-IOMMU-02",
        Does = "Sends ATTACH with no writable part at all, and with one of 1 and 3 bytes, too small for the tail.",
        Reading = "The buffer comes back with used length 0 and nothing written, and the device goes on: a valid ATTACH is answered OK.")]
    internal static void A_request_without_room_for_its_tail_is_returned_unwritten(CheckContext check)
    {
        var driver = check.Start();
        var attach = new AttachRequest(check.Domain(0), check.Endpoint).Encode();
        foreach (var room in new[] { 0, 1, 3 })
        {
            var exchange = driver.Send(new RawRequest(attach, room));
            That(
                exchange.IsReturned && exchange.UsedLength == 0 && exchange.IsUnwritten,
                $"an ATTACH with {room} writable bytes returned unwritten, used length 0", exchange.Answer);
        }
        Answers(driver.Attach(check.Domain(1), check.Endpoint), RequestStatus.Ok);
    }

    private static RawRequest OfType(byte type) => new([type, .. new byte[19]], Request.TailSize);

    /// <summary>A driver with which an unattached endpoint is not in bypass mode: BYPASS declined, or bypass 0.</summary>
    internal static IommuDriver StartWithoutBypass(CheckContext check, DriverSettings? settings = null)
    {
        settings ??= new DriverSettings();
        var driver = check.Start(settings with { Accept = settings.Accept & ~Features.Bypass });
        if (!check.Offers(Features.BypassConfig)) return driver;
        check.SetBypass(0);
        return driver;
    }

    private static void ReachesNothing(CheckContext check, IommuDriver driver, DmaEndpoint endpoint, string which)
    {
        var page = check.Identity(1);
        var arrival = check.WriteArrives(endpoint, page, page);
        That(arrival == Arrival.None, $"a write of an endpoint {which} reaches no memory", $"{arrival} of it arrived");

        // What was read is seen through a mapping; without MAP, the write has to do.
        if (!driver.Has(Features.MapUnmap)) return;
        var secret = check.ReadSecret(endpoint, page, page);
        var (at, window) = (check.Virtual(1), check.Physical(1));
        Given(driver.Attach(check.Domain(1), endpoint.Id));
        Given(driver.Map(check.Domain(1), at, at + check.Unit - 1, window));
        That(check.Fetched(endpoint, secret, at, window) == Arrival.None, $"a read of an endpoint {which} fetches nothing", "it fetched what is in memory");
    }
}
