using Viommu.Guest.Driver;
using Viommu.Guest.Pci;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>Initialisation (3.1.1) as steps of checks that stop on the way, or do something of their own there.</summary>
internal static class Initialisation
{
    private const int InterruptPin = 0x3d;

    /// <summary>A driver that the device tells of each used buffer: without EVENT_IDX, by what the check routes itself.</summary>
    public static DriverSettings Unsuppressed(NotificationMode notifications) =>
        new() { Accept = Features.AcceptedByDefault & ~Features.EventIdx, Notifications = notifications };

    /// <summary>Takes the steps up to FEATURES_OK; set-up, so a refusal is no finding.</summary>
    public static ulong Negotiate(CheckContext check, ulong accept = Features.AcceptedByDefault)
    {
        var features = check.Acceptable(accept);
        Negotiation.Begin(check.Machine);
        Given(Negotiation.Offer(check.Machine, features), $"the device refuses features 0x{features:x}");
        return features;
    }

    /// <summary>Starts a driver, and does something in the last moment before DRIVER_OK.</summary>
    public static IommuDriver Start(CheckContext check, DriverSettings settings, Action beforeDriverOk)
    {
        var driver = IommuDriver.Prepare(check.Machine, Negotiate(check, settings.Accept), settings);
        beforeDriverOk();
        Negotiation.SetDriverOk(check.Machine);
        return driver;
    }

    /// <summary>Starts a driver that has RING_RESET beside the rest; N/A where it is not offered.</summary>
    public static IommuDriver StartWithRingReset(CheckContext check)
    {
        check.Requires(Features.RingReset);
        return check.Start(new DriverSettings { Accept = Features.AcceptedByDefault | Features.RingReset });
    }

    /// <summary>N/A where the function has no interrupt pin, and so no INTx that could be asserted (PCI 3.0, 6.2.4).</summary>
    public static void RequiresInterruptPin(PciFunction function)
    {
        if (function.Read(InterruptPin, 1) == 0) throw new NotApplicableException("the function has no interrupt pin");
    }

    /// <summary>Reads a field of one queue.</summary>
    public static ulong Of(this PciTransport pci, int queue, CommonField field)
    {
        pci.WriteCommon(CommonField.QueueSelect, (ushort)queue);
        return pci.ReadCommon(field);
    }

    /// <summary>Writes a field of one queue.</summary>
    public static void Set(this PciTransport pci, int queue, CommonField field, ulong value)
    {
        pci.WriteCommon(CommonField.QueueSelect, (ushort)queue);
        pci.WriteCommon(field, value);
    }

    /// <summary>The numbers of the queues that there are: those below num_queues whose size is not 0.</summary>
    public static IReadOnlyList<int> Queues(this PciTransport pci) =>
        [.. Enumerable.Range(0, (int)pci.ReadCommon(CommonField.NumQueues)).Where(queue => pci.Of(queue, CommonField.QueueSize) != 0)];
}
