using System.Numerics;
using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>4.1.4.4 Notification structure layout.</summary>
internal static class NotificationStructureChecks
{
    private const ulong Known = Features.AcceptedByDefault | Features.RingPacked | Features.InOrder | Features.NotificationData | Features.NotifConfigData
        | Features.RingReset | Features.Suspend;

    internal static TargetShape WithoutData { get; } = new() { Withholding = Features.NotificationData };

    internal static TargetShape WithData { get; } = new() { Offering = Features.NotificationData };

    [Check("PCI-NOTIFY-D-01",
        Does = "Walks the capability list after the reset, and while the device runs.",
        Reading = "There is a notification capability each time. A device that never has one cannot be brought up, and the run says so.")]
    internal static void There_is_a_notification_capability(CheckContext check) => VirtioStructureCapabilitiesChecks.IsThere(check, StructureType.Notify);

    [Check("PCI-NOTIFY-D-02", Shape = nameof(WithoutData),
        Does = "Reads the offset of every notification capability of a device that does not offer NOTIFICATION_DATA.",
        Reading = "A multiple of 2.")]
    internal static void The_offset_is_a_multiple_of_2_without_NOTIFICATION_DATA(CheckContext check) => OffsetIsAligned(Without(check), 2);

    [Check("PCI-NOTIFY-D-03", Shape = nameof(WithoutData),
        Does = "Reads notify_off_multiplier of every notification capability of a device that does not offer NOTIFICATION_DATA.",
        Reading = "0, or a power of two that is even: \"even power of 2\" is taken as 2, 4, 8, 16 and so on, not only as those with an even exponent.")]
    internal static void The_multiplier_is_0_or_an_even_power_of_2_without_NOTIFICATION_DATA(CheckContext check) => MultiplierIsPowerOfTwo(Without(check), 2);

    [Check("PCI-NOTIFY-D-04", Shape = nameof(WithoutData),
        Does = "Reads the length of every notification capability of a device that does not offer NOTIFICATION_DATA.",
        Reading = "2 or more.")]
    internal static void The_length_is_2_or_more_without_NOTIFICATION_DATA(CheckContext check) => IsAsLongAs(Without(check), 2);

    [Check("PCI-NOTIFY-D-05", Shape = nameof(WithoutData),
        Does = "Negotiates all features that the driver knows, then as few as possible, and compares the length of every notification capability with the queue_notify_off of "
            + "each queue while the device runs.",
        Reading = "queue_notify_off times the multiplier leaves 2 bytes before the end, whatever was negotiated.")]
    internal static void The_length_covers_every_queue_in_every_configuration_without_NOTIFICATION_DATA(CheckContext check) => CoversEveryConfiguration(Without(check), 2);

    [Check("PCI-NOTIFY-D-06", Shape = nameof(WithoutData),
        Does = "Compares the length of every notification capability with the queue_notify_off of each queue.",
        Reading = "queue_notify_off times the multiplier leaves 2 bytes before the end.")]
    internal static void The_length_covers_every_queue_without_NOTIFICATION_DATA(CheckContext check) => CoversEveryQueue(Without(check), 2, "after the reset");

    [Check("PCI-NOTIFY-D-07", Shape = nameof(WithData),
        Does = "Reads notify_off_multiplier of every notification capability of a device that offers NOTIFICATION_DATA.",
        Reading = "0, or a power of two that is a multiple of 4. N/A where no device that offers NOTIFICATION_DATA can be had.")]
    internal static void The_multiplier_is_0_or_a_power_of_2_from_4_on_with_NOTIFICATION_DATA(CheckContext check) => MultiplierIsPowerOfTwo(With(check), 4);

    [Check("PCI-NOTIFY-D-08", Shape = nameof(WithData),
        Does = "Reads the offset of every notification capability of a device that offers NOTIFICATION_DATA.",
        Reading = "A multiple of 4. N/A where no device that offers NOTIFICATION_DATA can be had.")]
    internal static void The_offset_is_a_multiple_of_4_with_NOTIFICATION_DATA(CheckContext check) => OffsetIsAligned(With(check), 4);

    [Check("PCI-NOTIFY-D-09", Shape = nameof(WithData),
        Does = "Reads the length of every notification capability of a device that offers NOTIFICATION_DATA.",
        Reading = "4 or more. N/A where no device that offers NOTIFICATION_DATA can be had.")]
    internal static void The_length_is_4_or_more_with_NOTIFICATION_DATA(CheckContext check) => IsAsLongAs(With(check), 4);

    [Check("PCI-NOTIFY-D-10", Shape = nameof(WithData),
        Does = "Negotiates all features that the driver knows, then as few as possible, and compares the length of every notification capability with the queue_notify_off of "
            + "each queue while the device runs.",
        Reading = "queue_notify_off times the multiplier leaves 4 bytes before the end, whatever was negotiated. N/A where no device that offers NOTIFICATION_DATA can be had.")]
    internal static void The_length_covers_every_queue_in_every_configuration_with_NOTIFICATION_DATA(CheckContext check) => CoversEveryConfiguration(With(check), 4);

    [Check("PCI-NOTIFY-D-11", Shape = nameof(WithData),
        Does = "Compares the length of every notification capability with the queue_notify_off of each queue.",
        Reading = "queue_notify_off times the multiplier leaves 4 bytes before the end. N/A where no device that offers NOTIFICATION_DATA can be had.")]
    internal static void The_length_covers_every_queue_with_NOTIFICATION_DATA(CheckContext check) => CoversEveryQueue(With(check), 4, "after the reset");

    [Check("DESC-PCI-02",
        Does = "Rings the doorbell of a request through every notification structure that the device has, at offset + queue_notify_off * notify_off_multiplier.",
        Reading = "The request is served each time. Every check rings the first of them.")]
    internal static void A_doorbell_rings_at_the_address_of_each_notification_structure(CheckContext check)
    {
        var pci = check.Pci;
        var driver = check.Start();
        foreach (var capability in VirtioCapability.All(pci.Function, StructureType.Notify))
        {
            var at = (uint)pci.Of(IommuDriver.RequestQueueNumber, CommonField.QueueNotifyOff) * capability.FirstExtra;
            var request = driver.MakeAvailable(Knock.On(check), Framing.Plain);
            new StructureRegion(check.Machine, capability).Write(at, 2, IommuDriver.RequestQueueNumber);
            That(check.Machine.Await(() => IsUsed(driver, request)), $"the request served after a doorbell at offset 0x{capability.Offset:x} + 0x{at:x} of BAR {capability.Bar}", "it is not");
        }
    }

    private static bool IsUsed(IommuDriver driver, Exchange request)
    {
        while (driver.Requests.TryTakeUsed(out var used))
        {
            if (used.Id == request.Chain) return true;
        }
        return false;
    }

    private static CheckContext Without(CheckContext check)
    {
        check.RequiresNot(Features.NotificationData);
        return check;
    }

    private static CheckContext With(CheckContext check)
    {
        check.Requires(Features.NotificationData);
        return check;
    }

    private static void OffsetIsAligned(CheckContext check, uint alignment)
    {
        foreach (var capability in All(check))
            That(capability.Offset % alignment == 0, $"a multiple of {alignment} as the offset in {capability}", $"0x{capability.Offset:x}");
    }

    private static void MultiplierIsPowerOfTwo(CheckContext check, uint least)
    {
        foreach (var capability in All(check))
        {
            var multiplier = capability.FirstExtra;
            That(multiplier == 0 || (BitOperations.IsPow2(multiplier) && multiplier >= least), $"0, or a power of two from {least} on, as notify_off_multiplier in {capability}",
                $"{multiplier}");
        }
    }

    private static void IsAsLongAs(CheckContext check, uint least)
    {
        foreach (var capability in All(check)) That(capability.Length >= least, $"a length of {least} or more in {capability}", $"{capability.Length}");
    }

    private static void CoversEveryConfiguration(CheckContext check, uint width)
    {
        foreach (var accepted in (ulong[])[check.Acceptable(Known), check.Acceptable(Features.Version1)])
        {
            Negotiation.Begin(check.Machine);

            // A device can refuse a set of features; what it accepts is a configuration.
            if (!Negotiation.Offer(check.Machine, accepted)) continue;
            CoversEveryQueue(check, width, $"with features 0x{accepted:x} negotiated");
            IommuDriver.Prepare(check.Machine, accepted, new DriverSettings());
            Negotiation.SetDriverOk(check.Machine);
            CoversEveryQueue(check, width, $"with features 0x{accepted:x} in use");
        }
    }

    private static void CoversEveryQueue(CheckContext check, uint width, string when)
    {
        foreach (var capability in All(check))
        {
            foreach (var queue in check.Pci.Queues())
            {
                var least = check.Pci.Of(queue, CommonField.QueueNotifyOff) * capability.FirstExtra + width;
                That(capability.Length >= least, $"a length of {least} or more in {capability}, for queue {queue} {when}", $"{capability.Length}");
            }
        }
    }

    private static IReadOnlyList<VirtioCapability> All(CheckContext check) => VirtioCapability.All(check.Pci.Function, StructureType.Notify);
}
