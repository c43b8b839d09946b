using Viommu.Guest.Driver;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Core;

/// <summary>What has to come of a device after a mistake of the driver (2.1.2): it goes on, or it says that it does not.</summary>
internal static class Survival
{
    /// <summary>True where DEVICE_NEEDS_RESET is set.</summary>
    public static bool NeedsReset(CheckContext check) => (check.Machine.Transport.ReadStatus() & DeviceStatus.NeedsReset) != 0;

    /// <summary>The clause: after <paramref name="mistake"/>, DEVICE_NEEDS_RESET is set, or the next request is served; true where that is so.</summary>
    public static bool GoesOn(CheckContext check, IommuDriver driver, string mistake)
    {
        if (NeedsReset(check)) return false;

        // What becomes of what was wrong is open: it can come back in any form, or never. So elements are read here one by one.
        while (driver.Requests.TryTakeUsed(out _))
        {
        }
        var request = Knock.MakeAvailableAndNotify(check, driver);
        var served = false;
        check.Machine.Await(() =>
        {
            while (driver.Requests.TryTakeUsed(out var used)) served |= used.Id == request.Chain;
            return served || NeedsReset(check);
        });
        That(served || NeedsReset(check),
            $"DEVICE_NEEDS_RESET set, or requests served, after {mistake}",
            $"status 0x{(byte)check.Machine.Transport.ReadStatus():x2}, and the next request does not come back");
        return served;
    }

    /// <summary>The same, with a remark on which it was.</summary>
    public static void Judge(CheckContext check, IommuDriver driver, string mistake) =>
        check.Note = GoesOn(check, driver, mistake) ? $"the device survives {mistake}" : $"the device sets DEVICE_NEEDS_RESET on {mistake}";
}
