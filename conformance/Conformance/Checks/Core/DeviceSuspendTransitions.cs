using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Core;

/// <summary>3.4 Device Suspend: the way into suspension and out of it.</summary>
internal static class DeviceSuspendTransitionChecks
{
    [Check("CORE-SUSPEND-D-06",
        Does = "Sets SUSPEND on an idle, running device.",
        Reading = "In time SUSPEND reads 1 and DRIVER_OK 0, or DEVICE_NEEDS_RESET reads 1.")]
    internal static void An_idle_device_suspends_or_needs_a_reset(CheckContext check)
    {
        Suspension.Start(check);
        Suspends(check);
    }

    [Check("CORE-SUSPEND-D-06",
        Does = "Makes requests available, rings the doorbell, and sets SUSPEND at once.",
        Reading = "In time SUSPEND reads 1 and DRIVER_OK 0, or DEVICE_NEEDS_RESET reads 1.")]
    internal static void A_busy_device_suspends_or_needs_a_reset(CheckContext check)
    {
        MakeBurst(check, Suspension.Start(check), notify: true);
        Suspends(check);
    }

    [Check("CORE-SUSPEND-D-07",
        Does = "Suspends the device and sets DRIVER_OK, three times over, with a request in between.",
        Reading = "In time DRIVER_OK reads 1 and SUSPEND 0, and requests are served again; or DEVICE_NEEDS_RESET reads 1. The status is written as 0x1f: the driver "
            + "clears no bit (2.1.1).")]
    internal static void A_suspended_device_resumes_or_needs_a_reset(CheckContext check)
    {
        var driver = Suspension.Start(check);
        for (var round = 0; round < 3; round++)
        {
            Suspension.Enter(check);
            var status = Suspension.RequestResume(check);
            if (FailsWithNotice(check, status, "resume")) return;
            That(Suspension.IsRunning(status), "DRIVER_OK 1 and SUSPEND 0, or DEVICE_NEEDS_RESET, after DRIVER_OK was set", $"status 0x{(byte)status:x2}");
            var knock = driver.Send(Knock.On(check));
            That(knock.IsReturned, "requests served after the device has resumed", $"{knock.Request} is {knock.Answer}");
        }
    }

    [Check("CORE-SUSPEND-D-07",
        Does = "Attaches an endpoint, suspends, resumes, and maps a page in its domain.",
        Reading = "The request is OK: normal operation is resumed, not begun anew, so the domain still exists. N/A without MAP_UNMAP.")]
    internal static void Domains_are_kept_across_suspension(CheckContext check)
    {
        check.Requires(Features.Suspend | Features.MapUnmap);
        var driver = Suspension.Start(check);
        var at = check.Virtual(2);
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        Given(driver.Map(check.Domain(0), at, at + check.Granule - 1, check.Physical(1)));
        Suspension.Enter(check);
        Suspension.Leave(check);
        Answers(driver.Map(check.Domain(0), at + check.Granule, at + 2 * check.Granule - 1, check.Physical(1)), RequestStatus.Ok);
    }

    [Check("CORE-SUSPEND-D-08",
        Does = "Makes requests available without ringing the doorbell, and sets SUSPEND.",
        Reading = "Once the status shows the suspension no further buffer is used or written, however many were before. Which were consumed before is free.")]
    internal static void No_buffer_is_consumed_once_the_suspension_shows(CheckContext check)
    {
        var driver = Suspension.Start(check);
        var burst = MakeBurst(check, driver, notify: false);
        Suspension.Enter(check);
        var unserved = burst.Where(exchange => !IsWritten(exchange)).ToArray();
        var shown = new QueueSnapshot(check.Machine, driver.Requests, unserved);
        for (var look = 0; look < 16; look++) check.Machine.Transport.ReadStatus();
        check.Machine.Target.Settle();
        shown.IsUnchanged("no buffer consumed once the status shows the suspension");
    }

    [Check("CORE-SUSPEND-D-09",
        Does = "Makes requests available, rings the doorbell, and sets SUSPEND at once.",
        Reading = "Once the status shows the suspension every buffer that was written has been used: none is left half done. How many were consumed is free.")]
    internal static void Buffers_in_flight_are_used_before_the_suspension_shows(CheckContext check)
    {
        var driver = Suspension.Start(check);
        var burst = MakeBurst(check, driver, notify: true);
        Suspension.Enter(check);

        // The ring is read first: a buffer finished between the two reads is one that the device was not done with.
        var used = 0;
        while (driver.Requests.TryTakeUsed(out _)) used++;
        var written = burst.Count(IsWritten);
        That(written <= used, $"at most {used} buffers written, as many as are used, once the status shows the suspension", $"{written} written");
        check.Note = $"{used} of {burst.Count} requests in flight were served";
    }

    [Check("CORE-SUSPEND-D-10",
        Does = "Makes requests available, rings the doorbell, waits until the first is used, and sets SUSPEND without having looked for a notification.",
        Reading = "Once the status shows the suspension the used buffer notification is there.")]
    internal static void Used_buffer_notifications_are_sent_before_the_suspension_shows(CheckContext check)
    {
        check.Requires(Features.Suspend);
        var driver = Suspension.Start(check, Listening.Settings(check));
        Listening.GivenHeard(check, driver);
        MakeBurst(check, driver, notify: true);
        Given(check.Machine.Await(() => driver.Requests.TryTakeUsed(out _)), "no request comes back");
        Suspension.Enter(check);
        That((check.Machine.Transport.TakeNotifications() & Notifications.Used) != 0, "the used buffer notification sent before the status shows the suspension", "none is pending");
    }

    private static void Suspends(CheckContext check)
    {
        var status = Suspension.Request(check);
        if (FailsWithNotice(check, status, "suspend")) return;
        That(Suspension.IsSuspended(status), "SUSPEND 1 and DRIVER_OK 0, or DEVICE_NEEDS_RESET, after SUSPEND was set", $"status 0x{(byte)status:x2}");
    }

    private static bool FailsWithNotice(CheckContext check, DeviceStatus status, string verb)
    {
        if (!Suspension.NeedsReset(status)) return false;
        check.Note = $"the device fails to {verb}, and sets DEVICE_NEEDS_RESET";
        return true;
    }

    /// <summary>As many requests as fit, behind the one that <see cref="Suspension.Start"/> has sent.</summary>
    private static List<Exchange> MakeBurst(CheckContext check, IommuDriver driver, bool notify)
    {
        var burst = Enumerable.Range(0, Math.Min(64, driver.Requests.Size / 2)).Select(_ => driver.MakeAvailable(Knock.On(check), Framing.Plain)).ToList();
        if (notify) driver.NotifyRequests();
        return burst;
    }

    private static bool IsWritten(Exchange exchange)
    {
        exchange.Inspect();
        return !exchange.IsUnwritten;
    }
}
