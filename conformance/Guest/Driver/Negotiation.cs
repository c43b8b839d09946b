using Viommu.Guest.Wire;

namespace Viommu.Guest.Driver;

/// <summary>The steps of device initialisation (3.1.1), one by one, for a driver that takes them all and for checks that stop in between.</summary>
public static class Negotiation
{
    /// <summary>Resets the device and sets ACKNOWLEDGE and DRIVER; throws <see cref="GuestSetupException"/> where the reset does not complete.</summary>
    public static void Begin(Machine machine)
    {
        if (!machine.ResetDevice()) throw new GuestSetupException("the status does not become 0 after a device reset");
        machine.Transport.WriteStatus(DeviceStatus.Acknowledge);
        machine.Transport.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver);
    }

    /// <summary>
    /// Accepts <paramref name="features"/> and sets FEATURES_OK; true where it reads back. On a legacy interface there is no such step
    /// (3.1.2), and the result is true.
    /// </summary>
    /// <remarks>
    /// A driver of a virtio-iommu would end here on a legacy interface: it has to refuse a device without VERSION_1 (6.1). This one
    /// knowingly goes on, to judge what such a device does.
    /// </remarks>
    public static bool Offer(Machine machine, ulong features)
    {
        var transport = machine.Transport;
        transport.WriteDriverFeatures(features);
        if (transport.IsLegacy)
        {
            machine.Journal.Add($"accept features 0x{features:x} ({Features.Describe(features)}) on a legacy interface");
            return true;
        }
        transport.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.FeaturesOk);
        var accepted = (transport.ReadStatus() & DeviceStatus.FeaturesOk) != 0;
        machine.Journal.Add($"accept features 0x{features:x} ({Features.Describe(features)}): FEATURES_OK {(accepted ? "set" : "refused")}");
        return accepted;
    }

    /// <summary>Takes steps of an initialisation; where one goes irrecoverably wrong, sets FAILED, as 3.1.1 asks for, and lets the exception go on.</summary>
    public static T OrFail<T>(Machine machine, Func<T> steps)
    {
        try
        {
            return steps();
        }
        catch (GuestSetupException)
        {
            machine.Transport.WriteStatus(machine.Transport.ReadStatus() | DeviceStatus.Failed);
            machine.Journal.Add("FAILED: the driver gives up");
            throw;
        }
    }

    /// <summary>Sets DRIVER_OK behind the bits set before.</summary>
    public static void SetDriverOk(Machine machine)
    {
        var transport = machine.Transport;
        transport.WriteStatus(transport.ReadStatus() | DeviceStatus.DriverOk);
        machine.Journal.Add($"DRIVER_OK: status 0x{(byte)transport.ReadStatus():x2}");
    }
}
