using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Checks.Core;

/// <summary>
/// A driver that hears every notification: by messages where the device has them, else by the interrupt line; and without EVENT_IDX,
/// so that the device notifies of each used buffer (2.7.7.2).
/// </summary>
internal static class Listening
{
    private const ulong Accepted = Features.AcceptedByDefault & ~Features.EventIdx;

    public static DriverSettings Settings(CheckContext check, ulong alsoAccept = 0) => new()
    {
        Accept = Accepted | alsoAccept,
        Notifications = check.Machine.Transport.HasMessages ? NotificationMode.Messages : NotificationMode.Line,
    };

    /// <summary>Lets the device run until it has notified of <paramref name="what"/>; false where it does not in time.</summary>
    public static bool Hears(Machine machine, Notifications what)
    {
        var heard = Notifications.None;
        return machine.Await(() => ((heard |= machine.Transport.TakeNotifications()) & what) != 0);
    }

    /// <summary>Set-up: a used buffer of this driver brings a notification, so that silence means something. Nothing is pending afterwards.</summary>
    public static void GivenHeard(CheckContext check, IommuDriver driver)
    {
        Knock.GivenServed(check, driver);
        CheckContext.Given(Hears(check.Machine, Notifications.Used), "no used buffer notification is seen of a request that came back");
        Forget(check.Machine);
    }

    /// <summary>Takes what is pending, so that what comes later is new.</summary>
    public static void Forget(Machine machine)
    {
        machine.Target.Settle();
        machine.Transport.TakeNotifications();
    }
}
