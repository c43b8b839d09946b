using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

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
        Given(Hears(check.Machine, Notifications.Used), "no used buffer notification is seen of a request that came back");
        Forget(check.Machine);
    }

    /// <summary>Takes what is pending, so that what comes later is new.</summary>
    public static void Forget(Machine machine)
    {
        machine.Target.Settle();
        machine.Transport.TakeNotifications();
    }

    /// <summary>The clause: a used buffer notification comes. Nothing is pending afterwards.</summary>
    public static void IsNotified(CheckContext check, string of)
    {
        That(Hears(check.Machine, Notifications.Used), $"a used buffer notification {of}", "none");
        Forget(check.Machine);
    }

    /// <summary>The clause: requests are served, one after the other, without a used buffer notification.</summary>
    public static void IsSilent(CheckContext check, IommuDriver driver, int requests, string when)
    {
        Forget(check.Machine);
        for (var i = 0; i < requests; i++)
        {
            Knock.GivenServed(check, driver);
            check.Machine.Target.Settle();
            That((check.Machine.Transport.TakeNotifications() & Notifications.Used) == 0, $"no used buffer notification {when}", $"one came of request {i}");
        }
    }
}
