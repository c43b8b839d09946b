using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Iommu;

/// <summary>IOMMU Device / Device operations / ATTACH request.</summary>
internal static class AttachRequests
{
    internal static readonly TargetShape IncompatibleSecond = new() { ReservedForSecondEndpoint = new AddressWindow(0x200_0000, 0x200_ffff) };

    [Check("IOMMU-ATTACH-D-01",
        Does = "Sends ATTACH four times, each with another of the reserved bytes non-zero, then asks whether the domain came into being.",
        Reading = "INVAL each time, and no domain: a MAP on it is not answered OK.")]
    internal static void Nonzero_reserved_bytes_are_rejected_with_INVAL(CheckContext check)
    {
        var driver = check.Start();
        for (var at = 0; at < 4; at++)
        {
            var reserved = (uint)check.Random.Next(1, 256) << 8 * at;
            Answers(driver.Send(new AttachRequest(check.Domain(0), check.Endpoint) { Reserved = reserved }), RequestStatus.Inval);
        }
        IsNoDomain(check, driver, check.Domain(0));
    }

    [Check("IOMMU-ATTACH-D-02",
        Does = "Sends ATTACH with each of the flag bits 1 to 31, which virtio 1.4 leaves undefined.",
        Reading = "INVAL each time, and no domain. Bit 0 without BYPASS_CONFIG is not judged: the text leaves open whether it is recognised then.")]
    internal static void Unrecognised_flags_are_rejected_with_INVAL(CheckContext check)
    {
        var driver = check.Start();
        for (var bit = 1; bit < 32; bit++) Answers(driver.Attach(check.Domain(0), check.Endpoint, 1u << bit), RequestStatus.Inval);
        IsNoDomain(check, driver, check.Domain(0));
    }

    [Check("IOMMU-ATTACH-D-03",
        Does = "Attaches an endpoint that the device does not manage to a new domain, and to one that exists.",
        Reading = "NOENT both times, and the new domain does not come into being. A device that cannot share the occupied domain may also say UNSUPP there.")]
    internal static void An_unknown_endpoint_is_rejected_with_NOENT(CheckContext check)
    {
        var driver = check.Start();
        Answers(driver.Attach(check.Domain(0), UnknownEndpoint), RequestStatus.NoEnt);
        IsNoDomain(check, driver, check.Domain(0));
        Given(driver.Attach(check.Domain(1), check.Endpoint));
        var joining = driver.Attach(check.Domain(1), UnknownEndpoint);
        HasResources(joining);
        Answers(joining, RequestStatus.NoEnt, RequestStatus.Unsupp);
    }

    [Check("IOMMU-ATTACH-D-04",
        Does = "Attaches a second endpoint to a domain.",
        Reading = "OK and UNSUPP are both fine; the note tells which.")]
    internal static void A_second_endpoint_may_join_a_domain(CheckContext check)
    {
        var second = JoinSecond(check, check.Start());
        Answers(second, RequestStatus.Ok, RequestStatus.Unsupp);
        check.Note = second.IsOk ? "endpoints can share a domain" : "a domain has one endpoint only";
    }

    [Check("IOMMU-ATTACH-D-05",
        Does = "Attaches a second endpoint to a domain, and looks at the status of a refusal.",
        Reading = "A device that cannot do it says UNSUPP, and nothing else.")]
    internal static void Refusing_a_second_endpoint_is_answered_UNSUPP(CheckContext check)
    {
        var second = JoinSecond(check, check.Start());
        if (second.IsOk) throw new NotApplicableException("the device lets a second endpoint join a domain");
        HasResources(second);
        Answers(second, RequestStatus.Unsupp);
    }

    [Check("IOMMU-ATTACH-D-06",
        Does = "Attaches one endpoint without F_BYPASS and another with it to the same domain.",
        Reading = "INVAL, and the domain is still one that can be mapped.")]
    internal static void The_bypass_flag_on_a_translating_domain_is_rejected_with_INVAL(CheckContext check)
    {
        check.Requires(Features.BypassConfig | Features.MapUnmap);
        var driver = check.Start();
        DomainsCanBeShared(check, driver);
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        Answers(driver.Attach(check.Domain(0), check.SecondEndpoint, AttachRequest.BypassFlag), RequestStatus.Inval);
        That(MapOne(check, driver, check.Domain(0)).IsOk, "the domain still takes mappings", "a MAP on it fails");
    }

    [Check("IOMMU-ATTACH-D-06",
        Does = "Attaches one endpoint with F_BYPASS and another without it to the same domain.",
        Reading = "INVAL.")]
    internal static void A_bypass_domain_is_not_joined_without_the_bypass_flag(CheckContext check)
    {
        check.Requires(Features.BypassConfig);
        var driver = check.Start();
        DomainsCanBeShared(check, driver);
        Given(driver.Attach(check.Domain(0), check.Endpoint, AttachRequest.BypassFlag));
        Answers(driver.Attach(check.Domain(0), check.SecondEndpoint), RequestStatus.Inval);
    }

    [Check("IOMMU-ATTACH-D-07",
        Does = "Attaches an endpoint to one domain and then to another, and asks by MAP which of them exist.",
        Reading = "OK; the second domain can be mapped and the first cannot.")]
    internal static void An_attached_endpoint_moves_to_the_new_domain(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        Answers(driver.Attach(check.Domain(1), check.Endpoint), RequestStatus.Ok);
        That(MapOne(check, driver, check.Domain(1)).IsOk, "MAP on the new domain answered OK", "it is rejected");
        IsNoDomain(check, driver, check.Domain(0));
    }

    [Check("IOMMU-ATTACH-D-08",
        Does = "Maps a range, moves the domain's only endpoint away and back, and maps the range again.",
        Reading = "OK: moving is DETACH and ATTACH, so the first domain went away with its mappings and came back empty.")]
    internal static void Moving_the_last_endpoint_away_destroys_the_old_domain(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        Given(MapOne(check, driver, check.Domain(0)));
        ShowsMappings(check, driver, check.Domain(0));
        Moves(driver.Attach(check.Domain(1), check.Endpoint));
        Moves(driver.Attach(check.Domain(0), check.Endpoint));
        Answers(MapOne(check, driver, check.Domain(0)), RequestStatus.Ok);
    }

    [Check("IOMMU-ATTACH-D-09",
        Does = "Attaches an endpoint to one domain and then to another, and looks at the status of a refusal.",
        Reading = "A device that cannot move an endpoint says UNSUPP, and nothing else.")]
    internal static void Refusing_to_move_an_endpoint_is_answered_UNSUPP(CheckContext check)
    {
        var driver = check.Start();
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        var move = driver.Attach(check.Domain(1), check.Endpoint);
        if (move.IsOk) throw new NotApplicableException("the device moves endpoints between domains");
        HasResources(move);
        Answers(move, RequestStatus.Unsupp);
    }

    [Check("IOMMU-ATTACH-D-10",
        Does = "Attaches to one domain two endpoints of which PROBE says exactly the same.",
        Reading = "OK: nothing about them is incompatible.")]
    internal static void Endpoints_with_the_same_properties_share_a_domain(CheckContext check)
    {
        check.Requires(Features.Probe);
        var driver = check.Start();
        var (first, second) = (driver.Probe(check.Endpoint), driver.Probe(check.SecondEndpoint));
        Given(first);
        Given(second);
        if (!first.Reply.AsSpan().SequenceEqual(second.Reply)) throw new NotApplicableException("PROBE says different things of the two endpoints");
        Answers(JoinSecond(check, driver), RequestStatus.Ok);
    }

    [Check("IOMMU-ATTACH-D-11",
        Does = "Maps, for an endpoint without reserved regions, a range that another endpoint reports as reserved; then attaches that one too.",
        Reading = "UNSUPP: whatever the device takes for compatible, the domain already maps what the endpoint cannot have mapped.",
        Shape = nameof(IncompatibleSecond))]
    internal static void An_incompatible_endpoint_is_rejected_with_UNSUPP(CheckContext check)
    {
        check.Requires(Features.Probe | Features.MapUnmap);
        var driver = check.Start();
        var region = IncompatibleSecond.ReservedForSecondEndpoint!.Value;
        var (first, last) = check.Initial.Translatable;
        if (check.Unit > 0x1_0000 || region.First < first || region.Last > last) throw new NotApplicableException("the reserved region cannot be mapped at all");
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        Given(driver.Map(check.Domain(0), region.First, region.First + check.Unit - 1, check.Physical(1)));
        var incompatible = driver.Attach(check.Domain(0), check.SecondEndpoint);
        HasResources(incompatible);
        Answers(incompatible, RequestStatus.Unsupp);
    }

    [Check("IOMMU-ATTACH-D-12",
        Does = "Attaches an endpoint, maps a range for its domain, and has the endpoint write there.",
        Reading = "An ATTACH that is not rejected has the endpoint attached: its write arrives through the mapping.")]
    internal static void An_ATTACH_that_is_not_rejected_attaches_the_endpoint(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = DeviceOperations.StartWithoutBypass(check);
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        var (at, physical) = (check.Virtual(1), check.Physical(1));
        var map = driver.Map(check.Domain(0), at, at + check.Unit - 1, physical);
        That(map.Status != RequestStatus.NoEnt, "the domain exists after an ATTACH that was not rejected", $"MAP on it: {map.Answer}");
        Given(map);
        var length = 64;
        That(check.WriteArrives(endpoint, at, physical, length) == Arrival.All, "the endpoint reaches the domain's mapping", "its write did not arrive");
    }

    [Check("DESC-IOMMU-07",
        Does = "Maps a range on a domain number before and after the first ATTACH names it.",
        Reading = "Before, NOENT; after, anything else.")]
    internal static void The_first_ATTACH_creates_the_domain(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        var before = MapOne(check, driver, check.Domain(0));
        if (before.Status != RequestStatus.NoEnt) throw new NotApplicableException($"MAP does not tell whether a domain exists: without one it is answered {before.Answer}");
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        var after = MapOne(check, driver, check.Domain(0));
        That(after.Status != RequestStatus.NoEnt, "the domain exists after an ATTACH answered OK", $"MAP on it: {after.Answer}");
    }

    [Check("DESC-IOMMU-08",
        Does = "Maps one range before and one after a second endpoint joins the domain, and has both endpoints write to both.",
        Reading = "All four writes arrive.")]
    internal static void Endpoints_of_one_domain_share_its_mappings(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var (first, second) = (check.Dma(0), check.Dma(1));
        var driver = DeviceOperations.StartWithoutBypass(check);
        var (at, physical) = (check.Virtual(2), check.Physical(2));
        Given(driver.Attach(check.Domain(0), first.Id));
        Given(driver.Map(check.Domain(0), at, at + check.Unit - 1, physical));
        if (!driver.Attach(check.Domain(0), second.Id).IsOk) throw new NotApplicableException("a domain has one endpoint only");
        Given(driver.Map(check.Domain(0), at + check.Unit, at + 2 * check.Unit - 1, physical + check.Unit));
        var length = 64;
        foreach (var endpoint in new[] { first, second })
        {
            foreach (var offset in new ulong[] { 0, check.Unit })
            {
                That(
                    check.WriteArrives(endpoint, at + offset, physical + offset, length) == Arrival.All,
                    $"endpoint 0x{endpoint.Id:x} reaches 0x{at + offset:x}", "its write did not arrive");
            }
        }
    }

    [Check("DESC-IOMMU-09",
        Does = "Maps a range in one domain, moves its endpoint to another that maps another range, and has it write to both.",
        Reading = "It reaches the new domain's mapping, and no longer the old one's. N/A where the device does not move endpoints.")]
    internal static void An_endpoint_is_attached_to_one_domain_at_a_time(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var (mover, stayer) = (check.Dma(0), check.Dma(1));
        var driver = DeviceOperations.StartWithoutBypass(check);
        var (at, physical) = (check.Virtual(2), check.Physical(2));
        Given(driver.Attach(check.Domain(0), mover.Id));

        // The second endpoint keeps the first domain, and so its mapping, alive where domains can be shared.
        driver.Attach(check.Domain(0), stayer.Id);
        Given(driver.Map(check.Domain(0), at, at + check.Unit - 1, physical));
        var length = 64;
        Given(check.WriteArrives(mover, at, physical, length) == Arrival.All, "the endpoint does not reach its first domain");
        Moves(driver.Attach(check.Domain(1), mover.Id));
        Given(driver.Map(check.Domain(1), at + check.Unit, at + 2 * check.Unit - 1, physical + check.Unit));
        var old = check.WriteArrives(mover, at, physical, length);
        var current = check.WriteArrives(mover, at + check.Unit, physical + check.Unit, length);
        That(
            old == Arrival.None && current == Arrival.All,
            "after the move the endpoint reaches the new domain's mapping and not the old one's", $"old: {old}, new: {current}");
    }

    [Check("DESC-IOMMU-10",
        Does = "Attaches two endpoints to different domains, maps a range in one of them, and has both write there.",
        Reading = "Only the endpoint of that domain reaches it.")]
    internal static void Endpoints_of_different_domains_are_isolated(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var (inside, outside) = (check.Dma(0), check.Dma(1));
        var driver = DeviceOperations.StartWithoutBypass(check);
        var (at, physical) = (check.Virtual(1), check.Physical(1));
        Given(driver.Attach(check.Domain(0), inside.Id));
        Given(driver.Attach(check.Domain(1), outside.Id));
        Given(driver.Map(check.Domain(0), at, at + check.Unit - 1, physical));
        var length = 64;
        Given(check.WriteArrives(inside, at, physical, length) == Arrival.All, "the endpoint of the mapped domain does not reach it");
        That(
            check.WriteArrives(outside, at, physical, length) == Arrival.None,
            "the endpoint of the other domain does not reach it", "its write arrived");
    }

    [Check("DESC-IOMMU-11",
        Does = "With bypass 0, attaches an endpoint to a bypass domain and has it write and read.",
        Reading = "Every byte goes to, and comes from, the address that the endpoint named.")]
    internal static void A_bypass_domain_translates_by_identity(CheckContext check)
    {
        check.Requires(Features.BypassConfig);
        var endpoint = check.Dma(0);
        var driver = DeviceOperations.StartWithoutBypass(check);
        Given(driver.Attach(check.Domain(0), endpoint.Id, AttachRequest.BypassFlag));
        var memory = check.Identity(2);
        That(check.WriteArrives(endpoint, memory, memory) == Arrival.All, $"a write at 0x{memory:x} arrives there", "it did not arrive");
        var secret = check.ReadSecret(endpoint, memory, memory);
        var window = memory + check.Unit;
        That(check.Fetched(endpoint, secret, window, window) == Arrival.All, $"a read at 0x{memory:x} fetches what is there", "it did not");
    }

    /// <summary>Maps one granule of a domain.</summary>
    internal static Exchange MapOne(CheckContext check, IommuDriver driver, uint domain)
    {
        var at = check.Virtual(1);
        return driver.Map(domain, at, at + check.Unit - 1, check.Physical(1));
    }

    /// <summary>
    /// The domain does not exist. Seen by a MAP; where the device has none, or takes one on a domain that nobody has named (which breaks
    /// another clause), nothing can be seen.
    /// </summary>
    internal static void IsNoDomain(CheckContext check, IommuDriver driver, uint domain)
    {
        if (!TellsMissingDomains(check, driver)) return;
        var map = MapOne(check, driver, domain);
        That(!map.IsOk, $"domain {domain} does not exist, so a MAP on it is not answered OK", map.Answer);
    }

    /// <summary>True where a MAP on a domain that nobody has named is not answered OK.</summary>
    internal static bool TellsMissingDomains(CheckContext check, IommuDriver driver) =>
        driver.Has(Features.MapUnmap) && !MapOne(check, driver, check.MissingDomain).IsOk;

    /// <summary>N/A unless mapping what is mapped already is refused, so that a mapping can be seen; the unit at <see cref="CheckContext.Virtual"/> has to be mapped.</summary>
    internal static void ShowsMappings(CheckContext check, IommuDriver driver, uint domain)
    {
        if (MapOne(check, driver, domain).IsOk) throw new NotApplicableException("the device maps over existing mappings, so they cannot be seen");
    }

    private static Exchange JoinSecond(CheckContext check, IommuDriver driver)
    {
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        return driver.Attach(check.Domain(0), check.SecondEndpoint);
    }

    private static void DomainsCanBeShared(CheckContext check, IommuDriver driver)
    {
        if (!JoinSecond(check, driver).IsOk) throw new NotApplicableException("a domain has one endpoint only");
        Given(driver.Detach(check.Domain(0), check.Endpoint));
        Given(driver.Detach(check.Domain(0), check.SecondEndpoint));
    }

    private static void Moves(Exchange attach)
    {
        if (attach.Status == RequestStatus.Unsupp) throw new NotApplicableException("the device does not move endpoints between domains");
        Given(attach);
    }
}
