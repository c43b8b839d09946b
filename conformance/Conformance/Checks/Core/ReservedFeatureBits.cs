using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Core;

/// <summary>6 Reserved Feature Bits.</summary>
internal static class ReservedFeatureBitsChecks
{
    private const byte PciExpressCapability = 0x10;
    private const ushort SrIovCapability = 0x0010;

    internal static TargetShape OfferingAccessPlatform { get; } = new() { Offering = Features.AccessPlatform };

    internal static TargetShape OfferingOrderPlatform { get; } = new() { Offering = Features.OrderPlatform };

    internal static TargetShape OfferingInOrder { get; } = new() { Offering = Features.InOrder };

    [Check("CORE-RSVD-D-01",
        Does = "Reads the offered features.",
        Reading = "VERSION_1 is among them.")]
    internal static void VERSION_1_is_offered(CheckContext check)
    {
        check.RequiresHighFeatureBits();
        var offered = check.Machine.Transport.ReadDeviceFeatures();
        That((offered & Features.Version1) != 0, "VERSION_1 offered", $"offered: {Features.Describe(offered)}");
    }

    [Check("CORE-RSVD-D-02",
        Does = "Declines VERSION_1, tries to work, and negotiates with it again.",
        Reading = "Refused, broken or served: the remark tells which. What the device may fail to do ends with the next reset.")]
    internal static void A_device_that_stops_without_VERSION_1_works_again_with_it(CheckContext check) => StopsUntilReset(check, Features.Version1);

    [Check("CORE-RSVD-D-04", Shape = nameof(OfferingAccessPlatform),
        Does = "Declines ACCESS_PLATFORM, tries to work, and negotiates with it again.",
        Reading = "Refused, broken or served: the remark tells which. What the device may fail to do ends with the next reset. N/A where no device that offers it can be had.")]
    internal static void A_device_that_stops_without_ACCESS_PLATFORM_works_again_with_it(CheckContext check) => StopsUntilReset(check, Features.AccessPlatform);

    [Check("CORE-RSVD-D-06", Shape = nameof(OfferingOrderPlatform),
        Does = "Declines ORDER_PLATFORM, tries to work, and negotiates with it again.",
        Reading = "Refused, broken or served: the remark tells which. What the device may fail to do ends with the next reset. N/A where no device that offers it can be had.")]
    internal static void A_device_that_stops_without_ORDER_PLATFORM_works_again_with_it(CheckContext check) => StopsUntilReset(check, Features.OrderPlatform);

    [Check("CORE-RSVD-D-05", Shape = nameof(OfferingInOrder),
        Does = "Negotiates IN_ORDER, makes requests of every kind available at once, and reads the ring element by element.",
        Reading = "Used elements name the requests in the order in which they were made available. An element that names a later request stands for the batch up to it "
            + "(2.7.9, 2.8.8), of which the device then writes no other element. N/A where no device with IN_ORDER can be had.")]
    internal static void Buffers_are_used_in_the_order_in_which_they_were_made_available(CheckContext check)
    {
        check.Requires(Features.InOrder);
        var settings = new DriverSettings { Accept = Features.AcceptedByDefault | Features.InOrder };
        var features = check.Acceptable(settings.Accept);
        Negotiation.Begin(check.Machine);
        Given(Negotiation.Offer(check.Machine, features), $"the device refuses features 0x{features:x}");
        var driver = IommuDriver.Prepare(check.Machine, features, settings);
        var ring = InOrderRing.Of(driver.Requests, check.Machine);
        Negotiation.SetDriverOk(check.Machine);

        var requests = Mixed(check, driver, Math.Min(24, driver.Requests.Size / 2));
        var chains = requests.Select(request => driver.MakeAvailable(request, Framing.Plain).Chain).ToArray();
        driver.NotifyRequests();
        var complete = check.Machine.Await(() => ring.IsUsed(chains.Length));
        Given(complete, $"{chains.Length} requests do not all come back");
        for (var at = 0; at < chains.Length;)
        {
            var id = ring.Written(at);
            var last = Array.FindIndex(chains, at, chain => chain == id);
            That(last >= 0, $"request {at} (id {chains[at]}) or a later one used in place {at}", id is null ? "nothing is used there" : $"id {id}, used before");
            for (var skipped = at + 1; skipped <= last; skipped++)
            {
                That(ring.Written(skipped) is null, $"requests {at} to {last} used one by one in order, or by the single element in place {at}",
                    $"place {at} names request {last}, and place {skipped} names id {ring.Written(skipped)}");
            }
            at = last + 1;
        }
    }

    [Check("CORE-RSVD-D-09",
        Does = "Looks for an SR-IOV capability, and reads the offered features.",
        Reading = "SR_IOV is offered. N/A where there is no such capability.")]
    internal static void SR_IOV_is_offered_where_the_capability_is_present(CheckContext check)
    {
        check.RequiresHighFeatureBits();
        if (!HasSrIovCapability(check)) throw new NotApplicableException("the device has no SR-IOV capability");
        That((check.Machine.Transport.ReadDeviceFeatures() & Features.SrIov) != 0, "SR_IOV offered by a function with an SR-IOV capability", "it is not offered");
    }

    [Check("CORE-RSVD-D-10",
        Does = "Looks for an SR-IOV capability, and reads the offered features.",
        Reading = "SR_IOV is not offered, on PCI without the capability as on any other transport. N/A where the capability is present.")]
    internal static void SR_IOV_is_not_offered_without_the_capability(CheckContext check)
    {
        check.RequiresHighFeatureBits();
        if (HasSrIovCapability(check)) throw new NotApplicableException("the device has an SR-IOV capability");
        That((check.Machine.Transport.ReadDeviceFeatures() & Features.SrIov) == 0, "SR_IOV not offered without an SR-IOV capability", "it is offered");
    }

    /// <summary>
    /// A permission cannot be broken, but it has an end: "fail to operate further" is the same as an error of negotiation, and those
    /// last until the reset (3.1.1).
    /// </summary>
    private static void StopsUntilReset(CheckContext check, ulong feature)
    {
        check.Requires(feature);
        var accepted = check.Acceptable(Features.AcceptedByDefault);
        Negotiation.Begin(check.Machine);
        var name = Features.Describe(feature);
        if (!Negotiation.Offer(check.Machine, accepted & ~feature))
        {
            check.Note = $"the device refuses to work without {name}";
        }
        else
        {
            var driver = IommuDriver.Prepare(check.Machine, accepted & ~feature, new DriverSettings());
            Negotiation.SetDriverOk(check.Machine);
            check.Note = driver.Send(Knock.On(check)).IsReturned ? $"the device works without {name}" : $"the device accepts the lack of {name}, and serves nothing";
        }
        Negotiation.Begin(check.Machine);
        That(Negotiation.Offer(check.Machine, accepted), $"the device usable with {name} after a reset, having been tried without it", "FEATURES_OK stays clear");
        var again = IommuDriver.Prepare(check.Machine, accepted, new DriverSettings());
        Negotiation.SetDriverOk(check.Machine);
        var knock = again.Send(Knock.On(check));
        That(knock.IsReturned, $"the device usable with {name} after a reset, having been tried without it", knock.Answer);
    }

    /// <summary>Requests that are refused early, late, and not at all, with short and with long replies; none changes anything.</summary>
    private static IEnumerable<Request> Mixed(CheckContext check, IommuDriver driver, int count)
    {
        var probeSize = driver.Has(Features.Probe) ? (int)driver.Config.ProbeSize : 0;
        Request[] kinds =
        [
            new ProbeRequest(check.Endpoints.Count > 0 ? check.Endpoint : CheckContext.UnknownEndpoint, probeSize),
            Knock.On(check),
            new RawRequest([0xff, 0, 0, 0], Request.TailSize),
            new UnmapRequest(check.Domain(0), 0, ulong.MaxValue),
            new AttachRequest(check.Domain(0), CheckContext.UnknownEndpoint),
        ];
        return Enumerable.Range(0, count).Select(i => kinds[i % kinds.Length]);
    }

    private static bool HasSrIovCapability(CheckContext check)
    {
        // Extended capabilities (PCI Express 7.6) are there only where the PCI Express capability is.
        if (check.Machine.Pci?.Function is not { } function || function.Capabilities().All(capability => capability.Id != PciExpressCapability)) return false;
        var offset = 0x100;
        for (var seen = 0; offset >= 0x100 && seen < (4096 - 256) / 8; seen++)
        {
            var header = function.Read(offset, 4);
            if (header is 0 or uint.MaxValue) return false;
            if ((ushort)header == SrIovCapability) return true;
            offset = (int)(header >> 20) & ~3;
        }
        return false;
    }
}
