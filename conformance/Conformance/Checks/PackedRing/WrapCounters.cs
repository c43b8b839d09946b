using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.PackedRing;

/// <summary>2.8.1 Driver and Device Ring Wrap Counters.</summary>
internal static class WrapCountersChecks
{
    [Check("DESC-PACKED-01",
        Does = "Gives the request queue sizes that are powers of two and sizes that are not, and sends lists of two and three descriptors until each ring has wrapped four times.",
        Reading = "Each request is served, wherever its list lies, and used where it begins: the device's counter starts at 1 and turns with the last entry of the ring.")]
    internal static void The_wrap_counter_starts_at_1_and_turns_behind_the_last_entry(CheckContext check)
    {
        Packed(check.Start().Requests);
        foreach (var size in Sizes(check))
        {
            var driver = check.Start(new DriverSettings { RequestQueueSize = size });
            var queue = Packed(driver.Requests);
            for (var (entries, i) = (0, 0); entries < 4 * size; i++)
            {
                var count = size >= 3 ? 2 + i % 2 : 2;
                IsUsedInItsPlace(check, driver, queue, new Framing(count == 3 ? [4] : [], []));
                entries += count;
            }
        }
    }

    [Check("DESC-PACKED-02",
        Does = "Sends requests for three rounds of the ring, and reads the used descriptor of each.",
        Reading = "AVAIL and USED are alike, both 1 in the first round, both 0 in the second, and so on.")]
    internal static void AVAIL_and_USED_are_alike_in_a_used_descriptor(CheckContext check)
    {
        var driver = check.Start();
        var queue = Packed(driver.Requests);
        for (var entries = 0; entries < 3 * queue.Size; entries += 2)
        {
            var (slot, expected, before) = (queue.NextSlot, UsedMark.For(queue), queue.AvailableMark());
            driver.MakeAvailable(Knock.On(check), Framing.Plain);
            driver.NotifyRequests();
            var flags = DescriptorFlags.None;
            check.Machine.Await(() => (flags = queue.ReadDescriptor(slot).Flags & UsedMark.Both) != before);
            That(flags == expected, $"flags 0x{(ushort)expected:x4} of AVAIL and USED in the used descriptor of slot {slot}", $"0x{(ushort)flags:x4}");
            driver.Collect();
        }
    }

    private static void IsUsedInItsPlace(CheckContext check, IommuDriver driver, PackedQueue queue, Framing framing)
    {
        var (slot, expected) = (queue.NextSlot, UsedMark.For(queue));
        var exchange = driver.MakeAvailable(Knock.On(check), framing);
        driver.NotifyRequests();
        var used = default(PackedDescriptor);
        That(check.Machine.Await(() => ((used = queue.ReadDescriptor(slot)).Flags & UsedMark.Both) == expected),
            $"a used descriptor with flags 0x{(ushort)expected:x4} in slot {slot} of {queue.Size}", $"flags 0x{(ushort)used.Flags:x4}");
        That(used.Id == exchange.Chain, $"id {exchange.Chain} in slot {slot} of {queue.Size}", $"id {used.Id}");
        driver.Collect();
    }

    private static IEnumerable<ushort> Sizes(CheckContext check)
    {
        var maximum = Math.Min((ushort)256, check.Machine.Transport.ReadQueueSize(IommuDriver.RequestQueueNumber));
        return ((ushort[])[2, 3, 5, 8, 13, (ushort)(maximum - 1), maximum]).Where(size => size >= 2 && size <= maximum).Distinct();
    }
}
