using Viommu.Conformance.Checks.Core;
using Viommu.Conformance.Checks.Rings;
using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.SplitRing;

/// <summary>2.7.10 Available Buffer Notification Suppression.</summary>
internal static class AvailableBufferNotificationSuppressionChecks
{
    private const ulong WithoutEventIdx = Features.AcceptedByDefault & ~Features.EventIdx;

    [Check("SPLIT-AVAILSUPP-D-01",
        Does = "Declines EVENT_IDX, and reads used.flags before, while and after requests are served.",
        Reading = "0 or 1 each time.")]
    internal static void Without_EVENT_IDX_used_flags_are_0_or_1(CheckContext check)
    {
        var driver = check.Start(new DriverSettings { Accept = WithoutEventIdx });
        SampleFlags(check, driver, flags => That(flags <= 1, "used.flags 0 or 1", $"0x{flags:x}"));
    }

    [Check("SPLIT-AVAILSUPP-D-02", Also = ["SPLIT-SUPPLY-D-02"],
        Does = "Declines EVENT_IDX, and notifies of requests only while used.flags is 0.",
        Reading = "Every request is served. The remark tells how many the device did not want to be told of.")]
    internal static void Without_EVENT_IDX_requests_are_served_that_used_flags_ask_not_to_be_told_of(CheckContext check)
    {
        var driver = check.Start(new DriverSettings { Accept = WithoutEventIdx });
        Split(driver.Requests);
        QuietDriver.IsServed(check, driver);
    }

    [Check("SPLIT-AVAILSUPP-D-03",
        Does = "Accepts EVENT_IDX, and reads used.flags before, while and after requests are served.",
        Reading = "0 each time: only avail_event speaks for the device.")]
    internal static void With_EVENT_IDX_used_flags_are_0(CheckContext check)
    {
        check.Requires(Features.EventIdx);
        SampleFlags(check, check.Start(), flags => That(flags == 0, "used.flags 0", $"0x{flags:x}"));
    }

    [Check("SPLIT-AVAILSUPP-D-04", Also = ["SPLIT-SUPPLY-D-02"],
        Does = "Accepts EVENT_IDX, and notifies of requests only when their place in the available ring reaches avail_event.",
        Reading = "Every request is served, at the latest when avail_event was reached. The remark tells how many the device did not want to be told of.")]
    internal static void With_EVENT_IDX_requests_are_served_that_avail_event_asks_not_to_be_told_of(CheckContext check)
    {
        check.Requires(Features.EventIdx);
        var driver = check.Start();
        Split(driver.Requests);
        QuietDriver.IsServed(check, driver);
    }

    [Check("SPLIT-AVAILSUPP-D-05",
        Does = "Notifies of the request queue, and of the event queue, many times with nothing made available: before the first request, and between requests.",
        Reading = "No used element, no DEVICE_NEEDS_RESET, and requests are served as ever.")]
    internal static void Notifications_of_nothing_are_harmless(CheckContext check)
    {
        var driver = check.Start();
        var queue = Split(driver.Requests);
        for (var round = 0; round < 4; round++)
        {
            var at = queue.ReadUsedIndex();
            for (var i = 0; i < 8; i++)
            {
                driver.NotifyRequests();
                driver.Notify(driver.Events);
            }
            check.Machine.Target.Settle();
            That(queue.ReadUsedIndex() == at, $"used.idx {at} after notifications of nothing", $"used.idx {queue.ReadUsedIndex()}");
            var served = driver.Send(Knock.On(check));
            That(served.IsReturned, $"{served.Request} served after notifications of nothing", $"{served.Answer}, status {check.Machine.Transport.ReadStatus()}");
        }
    }

    private static void SampleFlags(CheckContext check, IommuDriver driver, Action<ushort> judge)
    {
        var queue = Split(driver.Requests);
        judge(queue.ReadUsedFlags());
        for (var i = 0; i < 8; i++)
        {
            driver.MakeAvailable(Knock.On(check), Framing.Plain);
            judge(queue.ReadUsedFlags());
            driver.NotifyRequests();
            judge(queue.ReadUsedFlags());
            driver.Collect();
            judge(queue.ReadUsedFlags());
        }
        check.Machine.Target.Settle();
        judge(queue.ReadUsedFlags());
    }
}
