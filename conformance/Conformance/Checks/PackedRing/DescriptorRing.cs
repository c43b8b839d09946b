using Viommu.Conformance.Checks.Core;
using Viommu.Conformance.Checks.Rings;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.PackedRing;

/// <summary>2.8.12 and 2.8.15: the order in which descriptors are used, and what the device may do with them.</summary>
internal static class DescriptorRingChecks
{
    [Check("PACKED-LAYOUT-D-01",
        Does = "Several times over, makes MAP in a domain available in front of the ATTACH that creates the domain, and notifies of both at once.",
        Reading = "Not every MAP finds the domain: a device that starts in ring order can have overtaken itself once, and not each time. N/A without MAP_UNMAP.")]
    internal static void Descriptors_are_started_in_ring_order(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var driver = check.Start();
        Packed(driver.Requests);
        var (domain, at, physical) = (check.Domain(0), check.Virtual(1), check.Physical(1));
        const int Rounds = 8;
        var overtaken = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var batch = driver.SendTogether([new MapRequest(domain, at, at + check.Unit - 1, physical, MapFlags.Read), new AttachRequest(domain, check.Endpoint)]);
            Given(batch[1]);
            if (batch[0].IsOk) overtaken++;
            Given(driver.Detach(domain, check.Endpoint));
        }
        That(overtaken < Rounds, "MAP refused that stands in the ring before the ATTACH of its domain", $"in each of {Rounds} rounds it finds the domain of the ATTACH behind it");
        check.Note = overtaken == 0 ? "" : $"in {overtaken} of {Rounds} rounds a request finds the effect of the one behind it";
    }

    [Check("PACKED-LAYOUT-D-02",
        Does = "Makes lists of one to four descriptors available together, and walks the ring as a driver does: from each used descriptor on by as many entries as its list has.",
        Reading = "A used descriptor at each stop, each naming another of the lists, in any order.")]
    internal static void Used_descriptors_follow_one_another(CheckContext check)
    {
        var driver = check.Start();
        var queue = Packed(driver.Requests);
        var lengths = new Dictionary<uint, int>();
        var stop = queue.NextSlot;
        for (var (i, taken) = (0, 0); taken + 4 <= queue.Size && i < 12; i++)
        {
            var count = 2 + i % 3;
            lengths.Add(driver.MakeAvailable(Knock.On(check), new Framing([.. Enumerable.Repeat(3, count - 2)], [])).Chain, count);
            taken += count;
        }
        if (lengths.Count < 2) throw new NotApplicableException($"the request queue has {queue.Size} descriptors, too few for several lists");
        driver.NotifyRequests();
        while (lengths.Count > 0)
        {
            // On the first lap a descriptor is used once both flags are set.
            var used = default(PackedDescriptor);
            var slot = stop;
            var isUsed = check.Machine.Await(() => ((used = queue.ReadDescriptor(slot)).Flags & UsedMark.Both) == UsedMark.Both);
            That(isUsed, $"a used descriptor in slot {slot}, where the device is due", $"flags 0x{(ushort)used.Flags:x4}");
            That(lengths.Remove(used.Id, out var length), $"the Buffer ID of a list not used yet in slot {slot}", $"id {used.Id}");
            stop += length;
        }
    }

    [Check("PACKED-DESC-D-01",
        Does = "Sends requests of every kind, whole and in pieces, and last one with too little room for an answer, and looks at their device-readable bytes afterwards.",
        Reading = "They are what was sent, whatever the answer.")]
    internal static void Device_readable_buffers_are_not_written(CheckContext check)
    {
        var driver = check.Start();
        Packed(driver.Requests);
        Custody.ReadableBuffersStayAsTheyAre(check, driver);
    }

    [Check("PACKED-DESC-D-02",
        Does = "Sends the same requests into device-writable buffers of zeroes, of 0xff, and of bytes that could be a request.",
        Reading = "The same answers. A device that reads such buffers without minding what it finds is not seen.")]
    internal static void What_device_writable_buffers_hold_makes_no_difference(CheckContext check)
    {
        var driver = check.Start();
        Packed(driver.Requests);
        Custody.WhatWritableBuffersHoldMakesNoDifference(check, driver);
    }

    [Check("PACKED-DESC-D-03",
        Does = "Fills the next entries of a fresh ring with a good request, but leaves AVAIL as it was, 0, with USED at 0 or at 1; notifies; then makes the request available.",
        Reading = "Ring and buffers stay as they are until AVAIL changes.")]
    internal static void A_descriptor_is_not_used_before_AVAIL_changes(CheckContext check) => IsNotUsedWithoutAvail(check, [0, DescriptorFlags.Used], after: 0);

    [Check("PACKED-DESC-D-03",
        Does = "Goes once round the ring, fills the next entries with a good request whose flags would have made it available in the first round, and notifies.",
        Reading = "Ring and buffers stay as they are: AVAIL is what it was, and means the other round.")]
    internal static void A_descriptor_is_not_used_whose_AVAIL_is_that_of_the_round_before(CheckContext check) =>
        IsNotUsedWithoutAvail(check, [DescriptorFlags.Available, UsedMark.Both], after: 1);

    [Check("PACKED-DESC-D-04",
        Does = "Sends requests while another thread looks at the flags of the next used descriptor and, as soon as they show it as used, at the rest.",
        Reading = "Length and Buffer ID are complete by then. Where the thread does not look in time it sees nothing, and the check passes.")]
    internal static void A_used_descriptor_is_complete_when_its_flags_show_it(CheckContext check)
    {
        var driver = check.Start();
        var queue = Packed(driver.Requests);
        for (var i = 0; i < 64; i++)
        {
            var (slot, expected) = (queue.NextSlot, UsedMark.For(queue));
            driver.MakeAvailable(Knock.On(check), Framing.Plain);
            var seen = Onlooker.Watch(check.Machine, () => (queue.ReadDescriptor(slot).Flags & UsedMark.Both) == expected, () => (object)queue.ReadDescriptor(slot), () =>
            {
                driver.NotifyRequests();
                driver.Collect();
            });
            var now = queue.ReadDescriptor(slot);
            That(seen is null || seen.Equals(now), $"the used descriptor of slot {slot} complete once its flags show it: {now}", $"{seen} at that moment");
        }
    }

    [Check("PACKED-DESC-D-04",
        Does = "Writes other values into entries that the device has used, without making them available, while the device serves further requests and is notified of nothing.",
        Reading = "The entries stay as the driver wrote them.")]
    internal static void A_descriptor_is_left_alone_once_it_was_used(CheckContext check)
    {
        var driver = check.Start();
        var queue = Packed(driver.Requests);
        var lists = Math.Min(8, queue.Size / 4);
        if (lists == 0) throw new NotApplicableException($"the request queue has {queue.Size} descriptors, too few to leave some alone");
        var entries = 2 * lists;
        var first = queue.NextSlot;
        for (var i = 0; i < lists; i++) Knock.GivenServed(check, driver);

        // The flags stay as they are, so that the entries are not available in this round or the next.
        var written = Enumerable.Range(first, entries).Select(slot => queue.ReadDescriptor(slot) with { Address = 0x5a5a_5a5a_0000 + (ulong)slot, Length = 0xa5a5_a5a5, Id = 0x5aa5 }).ToList();
        for (var i = 0; i < entries; i++) queue.WriteDescriptor(first + i, written[i]);
        for (var i = 0; i < lists; i++)
        {
            driver.NotifyRequests();
            Knock.GivenServed(check, driver);
        }
        check.Machine.Target.Settle();
        for (var i = 0; i < entries; i++)
            That(queue.ReadDescriptor(first + i) == written[i], $"slot {first + i} as the driver wrote it after it was used: {written[i]}", $"{queue.ReadDescriptor(first + i)}");
    }

    private static void IsNotUsedWithoutAvail(CheckContext check, DescriptorFlags[] marks, int after)
    {
        var driver = check.Start();
        var queue = Packed(driver.Requests);
        for (var left = after * queue.Size; left > 1;)
        {
            Given(driver.Send(Knock.On(check), left == 3 ? new Framing([4], []) : Framing.Plain).IsReturned, "a request does not come back");
            left -= left == 3 ? 3 : 2;
        }
        if (queue.NextSlot > queue.Size - 2) throw new NotApplicableException($"the request queue has {queue.Size} descriptors, too few for a list of two");

        var lending = new Lending(driver);
        var request = Knock.On(check);
        PackedDescriptor[] list =
        [
            new(lending.Readable(request), (uint)request.Encode().Length, 0, DescriptorFlags.Next),
            new(lending.Lent(request.WritableLength), (uint)request.WritableLength, 0, DescriptorFlags.Write),
        ];
        foreach (var mark in marks)
        {
            for (var i = list.Length - 1; i >= 0; i--) queue.WriteDescriptor(queue.NextSlot + i, list[i] with { Flags = list[i].Flags | mark });
            var before = QueueSnapshot.OfBuffers(check.Machine, queue);
            driver.NotifyRequests();
            check.Machine.Target.Settle();
            before.IsUnchanged($"descriptors with flags 0x{(ushort)mark:x4} left alone in a round whose available ones have 0x{(ushort)queue.AvailableMark():x4}");
        }
        var (slot, used) = (queue.NextSlot, UsedMark.For(queue));
        queue.MakeAvailable(list);
        driver.NotifyRequests();
        Given(check.Machine.Await(() => (queue.ReadDescriptor(slot).Flags & UsedMark.Both) == used), "the request is not served once it is available");
    }
}
