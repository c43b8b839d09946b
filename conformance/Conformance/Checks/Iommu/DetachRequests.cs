using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Iommu;

/// <summary>IOMMU Device / Device operations / DETACH request.</summary>
internal static class DetachRequests
{
    [Check("IOMMU-DETACH-D-01",
        Does = "Detaches an endpoint with the reserved bytes zero, and again with all of them non-zero; asks by MAP whether its domain is gone.",
        Reading = "Both times the same answer, and gone: the bytes have no influence.")]
    internal static void Reserved_bytes_are_ignored(CheckContext check)
    {
        var driver = check.Start();
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        var clean = driver.Detach(check.Domain(0), check.Endpoint);
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        var dirty = driver.Send(new DetachRequest(check.Domain(0), check.Endpoint) { Reserved = 0xfedc_ba98_7654_3210 });
        That(dirty.Status == clean.Status, $"{dirty.Request} answered as with reserved bytes zero: {clean.Answer}", dirty.Answer);
        if (clean.IsOk) AttachRequests.IsNoDomain(check, driver, check.Domain(0));
    }

    [Check("IOMMU-DETACH-D-02",
        Does = "Detaches an endpoint that the device does not manage, from a domain that exists and from one that does not.",
        Reading = "NOENT for the domain that exists. For the one that does not, INVAL is allowed as well: the text does not say which rule comes first.")]
    internal static void An_unknown_endpoint_is_rejected_with_NOENT(CheckContext check)
    {
        var driver = check.Start();
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        Answers(driver.Detach(check.Domain(0), UnknownEndpoint), RequestStatus.NoEnt);
        Answers(driver.Detach(check.Domain(1), UnknownEndpoint), RequestStatus.NoEnt, RequestStatus.Inval);
    }

    [Check("IOMMU-DETACH-D-03",
        Does = "Detaches an endpoint from a domain that does not exist, and from one that it is not attached to.",
        Reading = "Any status is fine, and so is either answer to whether the endpoint was detached; the note tells both.")]
    internal static void Detaching_from_the_wrong_domain_is_answered(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        var missing = driver.Detach(check.Domain(2), check.Endpoint);
        That(missing.Status is not null, $"{missing.Request} answered by a status", missing.Answer);
        driver = check.Start();
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        Given(driver.Attach(check.Domain(1), check.SecondEndpoint));
        var other = driver.Detach(check.Domain(1), check.Endpoint);
        That(other.Status is not null, $"{other.Request} answered by a status", other.Answer);
        var still = AttachRequests.MapOne(check, driver, check.Domain(0)).IsOk;
        check.Note = $"missing domain: {missing.Status!.Value.Name()}; not attached to it: {other.Status!.Value.Name()}, endpoint {(still ? "still attached" : "detached")}";
    }

    [Check("IOMMU-DETACH-D-04",
        Does = "With bypass 0, writes through a mapping, detaches the endpoint, and writes again.",
        Reading = "The first write arrives, the second does not, however warm the translation was.")]
    internal static void A_detached_endpoint_no_longer_reaches_the_mapping(CheckContext check) => LosesItsMapping(check, bypass: false);

    [Check("IOMMU-DETACH-D-04",
        Does = "With bypass 1, writes through a mapping, detaches the endpoint, and writes again at the same address.",
        Reading = "The second write goes to the address as it is, not to where the mapping led.")]
    internal static void A_detached_endpoint_in_bypass_mode_no_longer_reaches_the_mapping(CheckContext check)
    {
        check.Requires(Features.BypassConfig);
        LosesItsMapping(check, bypass: true);
    }

    [Check("IOMMU-DETACH-D-04",
        Does = "Has two endpoints of a domain write through its mapping, detaches one of them, and has both write again; then the same with the other one.",
        Reading = "The one that stayed still reaches it; the one that left does not, whichever of them joined first.")]
    internal static void Only_the_detached_endpoint_loses_the_mapping(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var (first, second) = (check.Dma(0), check.Dma(1));
        var driver = DeviceOperations.StartWithoutBypass(check);
        var (at, physical) = (check.Virtual(1), check.Physical(1));
        foreach (var (leaver, stayer) in new[] { (first, second), (second, first) })
        {
            Given(driver.Attach(check.Domain(0), first.Id));
            if (!driver.Attach(check.Domain(0), second.Id).IsOk) throw new NotApplicableException("a domain has one endpoint only");
            Given(driver.Map(check.Domain(0), at, at + check.Unit - 1, physical));
            Given(check.WriteArrives(leaver, at, physical) == Arrival.All, $"endpoint 0x{leaver.Id:x} does not reach the mapping before the DETACH");
            That(check.WriteArrives(stayer, at, physical) == Arrival.All, $"endpoint 0x{stayer.Id:x} reaches the mapping, as one of its domain", "its write did not arrive");
            Given(driver.Detach(check.Domain(0), leaver.Id));
            That(check.WriteArrives(leaver, at, physical) == Arrival.None, $"endpoint 0x{leaver.Id:x}, which was detached, does not reach the mapping", "its write arrived");
            That(check.WriteArrives(stayer, at, physical) == Arrival.All, $"endpoint 0x{stayer.Id:x}, which stayed, still reaches it", "it lost the mapping as well");
            Given(driver.Detach(check.Domain(0), stayer.Id));
        }
    }

    [Check("DESC-IOMMU-12",
        Does = "Maps a range, detaches the domain's only endpoint, attaches it to the same number again, and writes there; then maps the range again.",
        Reading = "The write does not arrive and the MAP is answered OK: the domain went away with its mappings and came back empty.")]
    internal static void The_last_DETACH_ends_the_domain_and_its_mappings(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = DeviceOperations.StartWithoutBypass(check);
        var (at, physical) = (check.Virtual(1), check.Physical(1));
        var length = 64;
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        Given(driver.Map(check.Domain(0), at, at + check.Unit - 1, physical));
        Given(driver.Detach(check.Domain(0), endpoint.Id));
        AttachRequests.IsNoDomain(check, driver, check.Domain(0));
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        That(check.WriteArrives(endpoint, at, physical, length) == Arrival.None, "the mapping of the domain that ended translates nothing", "a write through it arrived");
        Answers(driver.Map(check.Domain(0), at, at + check.Unit - 1, physical), RequestStatus.Ok);
    }

    private static void LosesItsMapping(CheckContext check, bool bypass)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = DeviceOperations.StartWithoutBypass(check);

        // The virtual address is also one of guest memory, so that in bypass mode there is somewhere else for the write to go.
        var (at, physical) = (check.Identity(1), check.Physical(1));
        const int length = 64;
        var (first, last) = check.Initial.Translatable;
        if (at < first || at + check.Unit - 1 > last)
            throw new NotApplicableException("input_range leaves out the addresses of guest memory");
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        Given(driver.Map(check.Domain(0), at, at + check.Unit - 1, physical));
        Given(check.WriteArrives(endpoint, at, physical, length) == Arrival.All, "the endpoint does not reach the mapping before the DETACH");
        if (bypass) check.SetBypass(1);
        Given(driver.Detach(check.Domain(0), endpoint.Id));
        That(check.WriteArrives(endpoint, at, physical, length) == Arrival.None, "a write after DETACH does not arrive where the mapping led", "it arrived");
        if (bypass) Given(check.WriteArrives(endpoint, at, at, length) == Arrival.All, "the endpoint is not in bypass mode after DETACH");
    }
}
