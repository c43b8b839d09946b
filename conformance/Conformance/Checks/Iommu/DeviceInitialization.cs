using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Iommu;

/// <summary>IOMMU Device / Device initialization.</summary>
internal static class DeviceInitialization
{
    [Check("DESC-IOMMU-01",
        Does = "Attaches an endpoint, resets the device, and asks the next driver by MAP whether the domain is still there.",
        Reading = "Any status but OK: with no endpoint attached there is no domain.")]
    internal static void A_device_reset_ends_every_domain(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        Given(driver.Attach(check.Domain(0), check.Endpoint));

        // Nothing is mapped before: an overlap would have the MAP refused in a domain that is still there.
        AttachRequests.IsNoDomain(check, check.Start(), check.Domain(0));
    }

    [Check("DESC-IOMMU-01",
        Does = "Has an endpoint write through a mapping, resets the device, and has it write again before and after the next driver attaches it to the same domain.",
        Reading = "Neither of the later writes arrives where the mapping led.")]
    internal static void A_device_reset_ends_every_mapping(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = DeviceOperations.StartWithoutBypass(check);
        var (at, physical, length) = (check.Virtual(1), check.Physical(1), 64);
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        Given(driver.Map(check.Domain(0), at, at + check.Unit - 1, physical));
        Given(check.WriteArrives(endpoint, at, physical, length) == Arrival.All, "the endpoint does not reach the mapping before the reset");
        driver = DeviceOperations.StartWithoutBypass(check);
        That(check.WriteArrives(endpoint, at, physical, length) == Arrival.None, "a write after the reset arrives nowhere", "it arrived");
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        That(check.WriteArrives(endpoint, at, physical, length) == Arrival.None, "a write in the new, empty domain arrives nowhere", "it arrived");
    }

    [Check("DESC-IOMMU-01",
        Does = "Looks back at the device resets that followed each check of the run. After each a driver has asked, by UNMAP, for the domains that the check named.",
        Reading = "None of them was left. Each leftover is listed with the check that it was found after; that check's own verdict is not touched by it.",
        JudgesTheRun = true)]
    internal static void No_domain_was_left_by_a_device_reset_between_checks(CheckContext check) =>
        ThatNone(check.Resets.Leftovers, "no domain left by any device reset between checks");
}
