using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>
/// A reason for the device to send a configuration change notification: the operator of the machine changes <c>bypass</c>, or, on a target
/// without one, a ring error after which the device sets DEVICE_NEEDS_RESET (2.1.2 asks for the same notification).
/// </summary>
internal static class ConfigurationChange
{
    /// <summary>
    /// Starts a driver and makes the change under it; tells what it was. N/A where neither is possible. <paramref name="start"/> is called
    /// more than once where it takes several tries.
    /// </summary>
    public static string Cause(CheckContext check, Func<IommuDriver> start)
    {
        start();
        if (check.Offers(Features.BypassConfig) && TryToggle(check)) return "a change of bypass";
        foreach (var error in RingError.All)
        {
            var driver = start();
            if (!error.IsPossible(driver)) continue;
            error.Commit(driver);
            if ((check.Machine.Transport.ReadStatus() & DeviceStatus.NeedsReset) != 0) return $"the DEVICE_NEEDS_RESET that {error.Name} had set";
        }
        throw new NotApplicableException("the configuration cannot be made to change, and no ring error makes the device set DEVICE_NEEDS_RESET");
    }

    /// <summary>The operator changes <c>bypass</c> to the other value; false where the target has no way to do that.</summary>
    public static bool TryToggle(CheckContext check)
    {
        var bypass = check.Machine.ReadBypass() == 0;
        if (!check.Machine.Target.TryChangeBypass(bypass)) return false;
        check.Machine.Journal.Add($"the operator sets bypass = {(bypass ? 1 : 0)}");
        check.Machine.Target.Settle();
        return true;
    }
}
