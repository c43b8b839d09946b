using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Rings;

/// <summary>Notifications that say where the driver goes on, where NOTIFICATION_DATA was negotiated (2.9).</summary>
internal static class NotificationPosition
{
    /// <summary>A device with the feature.</summary>
    public static TargetShape Shape { get; } = new() { Offering = Features.NotificationData };

    /// <summary>Starts a driver that accepts the feature; N/A where it is not offered.</summary>
    public static IommuDriver Start(CheckContext check, ushort? size = null)
    {
        check.Requires(Features.NotificationData);
        return check.Start(new DriverSettings { Accept = Features.AcceptedByDefault | Features.NotificationData, RequestQueueSize = size });
    }

    /// <summary>
    /// Notifies of <paramref name="batches"/> batches that <paramref name="expose"/> makes available, each notification sent twice: everything
    /// that <paramref name="isServed"/> asks for is there after each, and the second notification, which has the same values, changes nothing.
    /// </summary>
    public static void FindsEverything(CheckContext check, IommuDriver driver, int batches, Action expose, Func<bool> isServed)
    {
        for (var batch = 0; batch < batches; batch++)
        {
            expose();
            driver.NotifyRequests();
            That(check.Machine.Await(isServed), $"everything served that a notification with position 0x{driver.Requests.Position:x4} announces", $"batch {batch} is not");
            driver.NotifyRequests();
            check.Machine.Target.Settle();
            That(isServed() && !Survival.NeedsReset(check), "nothing done upon the same notification again", $"the device did something, or needs a reset: {check.Machine.Transport.ReadStatus()}");
        }
    }
}
