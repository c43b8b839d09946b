using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Rings;

/// <summary>
/// A driver that notifies only when the device asks for it (2.7.10, 2.8.10). A device is free to ask for few notifications or for all
/// of them; but what it does not want to be told of, it has to find by itself.
/// </summary>
internal static class QuietDriver
{
    private const int Rounds = 64;

    /// <summary>
    /// Sends requests, and notifies of those alone that the device wants to be told of. A device can put requests off until it is told
    /// of a later one, so they only have to come back once it was told, or once there is no room for a later one.
    /// </summary>
    public static void IsServed(CheckContext check, IommuDriver driver)
    {
        var (machine, queue) = (driver.Machine, driver.Requests);
        var (outstanding, quiet, sent) = (0, 0, 0);
        while (sent < Rounds || outstanding > 0)
        {
            var since = queue.Position;
            driver.MakeAvailable(Knock.On(check), Framing.Plain);
            (outstanding, sent) = (outstanding + 1, sent + 1);
            var isTold = queue.WantsNotification(since);
            if (isTold) driver.NotifyRequests();
            else quiet++;

            var isFull = outstanding == queue.Size / 2;
            machine.Target.Settle();
            if (isTold || isFull) machine.Await(AllAreBack);
            else AllAreBack();
            That(outstanding == 0 || !(isTold || isFull), "requests served that the device did not want to be told of",
                $"{outstanding} of them do not come back, and the device {(isTold ? "was told of the last" : "wants to be told of none, though the ring is full")}");

            // What came back in the meantime may have made the device change its mind: it is asked again, as a driver would.
            if (outstanding > 0 && queue.WantsNotification(since)) driver.NotifyRequests();
        }
        check.Note = quiet == 0 ? "the device asks to be told of every request" : $"{quiet} of {sent} requests served without a notification";

        bool AllAreBack()
        {
            while (queue.TryTakeUsed(out _)) outstanding--;
            return outstanding == 0;
        }
    }
}
