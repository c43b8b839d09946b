using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;

namespace Viommu.Conformance.Checks.Legacy;

/// <summary>What checks of the legacy interfaces have in common: virtio-mmio version 1, and the I/O region of a transitional PCI function.</summary>
internal static class LegacyInterfaceUse
{
    /// <summary>
    /// What every check of a legacy PCI interface has to say of itself: the spec gives a virtio-iommu no transitional PCI device ID (4.1.2), so
    /// that a device like this is an extension of it.
    /// </summary>
    public const string Extension = "The spec gives a virtio-iommu no transitional PCI ID, so what is judged is an extension that follows the rules of the other types.";

    /// <summary>N/A where the device is not driven through a legacy interface.</summary>
    public static void Require(CheckContext check)
    {
        if (!check.Machine.Transport.IsLegacy) throw new NotApplicableException("the device is not driven through a legacy interface");
    }

    /// <summary>The I/O region of a transitional PCI function; N/A where the device is driven in another way.</summary>
    public static TransitionalPciTransport Pci(CheckContext check) =>
        check.Machine.Transport as TransitionalPciTransport ?? throw new NotApplicableException("the device is not driven through the legacy interface of virtio-pci");

    /// <summary>Resets the device, sets ACKNOWLEDGE and DRIVER, accepts features, and places the queues; what is left is DRIVER_OK.</summary>
    public static IommuDriver StopBeforeDriverOk(CheckContext check, DriverSettings settings)
    {
        var features = check.Acceptable(settings.Accept);
        Negotiation.Begin(check.Machine);
        Negotiation.Offer(check.Machine, features);
        return IommuDriver.Prepare(check.Machine, features, settings);
    }

    /// <summary>The clause: a request on a running driver's queue comes back.</summary>
    public static void IsServed(CheckContext check, IommuDriver driver, string when)
    {
        var knock = Knock.MakeAvailableAndNotify(check, driver);
        var used = default(UsedElement);
        CheckContext.That(check.Machine.Await(() => driver.Requests.TryTakeUsed(out used)), $"a request served {when}",
            $"it does not come back, status 0x{(byte)check.Machine.Transport.ReadStatus():x2}");
        CheckContext.That(used.Id == knock.Chain, $"chain {knock.Chain} used {when}", $"id {used.Id}");
    }
}
