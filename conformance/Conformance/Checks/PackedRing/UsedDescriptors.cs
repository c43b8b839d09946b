using Viommu.Conformance.Checks.Core;
using Viommu.Conformance.Checks.Rings;
using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.PackedRing;

/// <summary>What stands in a used descriptor: 2.8.3 Write Flag, 2.8.4 Element Address and Length, 2.8.6 Descriptor Chaining.</summary>
internal static class UsedDescriptorsChecks
{
    [Check("DESC-PACKED-03",
        Does = "Sends lists of two to five descriptors whose Buffer ID stands in the last, with other numbers in the others.",
        Reading = "The used descriptor has the ID of the last.")]
    internal static void The_Buffer_ID_is_that_of_the_last_descriptor_of_a_list(CheckContext check)
    {
        var driver = check.Start();
        var queue = Packed(driver.Requests);
        for (var count = 2; count <= Math.Min(5, (int)queue.Size); count++)
        {
            var used = Serve(check, driver, queue, List(check, driver, count, id: (ushort)(100 + count)));
            That(used.Id == 100 + count, $"id {100 + count}, which is in the last of {count} descriptors", $"id {used.Id}");
        }
    }

    [Check("DESC-PACKED-04",
        Does = "Sends lists of two to five descriptors, and looks at their entries behind the first afterwards.",
        Reading = "Only the first, where the device is due, was overwritten.")]
    internal static void A_list_has_a_single_used_descriptor(CheckContext check)
    {
        var driver = check.Start();
        var queue = Packed(driver.Requests);
        for (var count = 2; count <= Math.Min(5, (int)queue.Size); count++)
        {
            var slots = Enumerable.Range(queue.NextSlot, count).Select(slot => slot % queue.Size).ToList();
            var list = List(check, driver, count, id: 7);
            var marks = Enumerable.Range(0, count).Select(queue.AvailableMark).ToList();
            Serve(check, driver, queue, list);
            check.Machine.Target.Settle();
            for (var i = 1; i < count; i++)
                That(queue.ReadDescriptor(slots[i]) == list[i] with { Flags = list[i].Flags | marks[i] }, $"entry {i} of a list of {count} as it was", $"{queue.ReadDescriptor(slots[i])}");
        }
    }

    [Check("DESC-PACKED-04", Uses = ["PACKED-DESC-V-04"],
        Does = "Notifies eight times of nothing, makes a request available, and notifies of it eight times; time and again, until the ring has gone round twice.",
        Reading = "Each request is used once, and nothing else is: a driver is free to repeat notifications.")]
    internal static void A_list_is_used_once_however_often_the_device_is_notified(CheckContext check)
    {
        const int Times = 8;
        var driver = check.Start();
        var queue = Packed(driver.Requests);
        for (var round = 0; round < queue.Size; round++)
        {
            Notify();
            var knock = driver.MakeAvailable(Knock.On(check), Framing.Plain);
            Notify();
            var used = default(UsedElement);
            That(check.Machine.Await(() => queue.TryTakeUsed(out used)), "a request served that the device was notified of time and again",
                $"it does not come back, status {check.Machine.Transport.ReadStatus()}");
            That(used.Id == knock.Chain, $"id {knock.Chain} used", $"id {used.Id}");
            check.Machine.Target.Settle();
            That(!queue.TryTakeUsed(out var again), "each request used once", $"id {again.Id} again, after {Times} notifications");
        }

        void Notify()
        {
            for (var i = 0; i < Times; i++) driver.NotifyRequests();
        }
    }

    [Check("DESC-PACKED-05",
        Does = "Sends requests that are answered, refused, or of unknown type, each twice, into buffers that hold different bytes.",
        Reading = "The WRITE flag is set where bytes were written, and only there; then the length counts bytes from the first on that are the same both times. "
            + "The length without the flag means nothing.")]
    internal static void The_WRITE_flag_says_whether_anything_was_written_and_the_length_how_much(CheckContext check)
    {
        var driver = check.Start();
        var queue = Packed(driver.Requests);
        var requests = Conversation.Of(check, driver).Append(new RawRequest([0xff, 0, 0, 0], 64)).ToList();
        if (driver.Has(Features.Probe)) requests.Add(new ProbeRequest(UnknownEndpoint, (int)driver.Config.ProbeSize));
        foreach (var request in requests)
        {
            var slot = queue.NextSlot;
            var answers = TwoAnswers.To(driver, request);
            answers.CountWhatWasWritten();
            var isFlagged = (queue.ReadDescriptor(slot).Flags & DescriptorFlags.Write) != 0;
            That(isFlagged == answers.WrittenAnywhere, $"the WRITE flag {(answers.WrittenAnywhere ? "set" : "clear")} in the used descriptor of {request}, into whose buffer "
                + (answers.WrittenAnywhere ? "was written" : "nothing was written"), $"it is {(isFlagged ? "set" : "clear")}");
        }
        var knock = Knock.On(check);
        TwoAnswers.To(driver, knock).ReachTheStatus();
    }

    private static PackedDescriptor[] List(CheckContext check, IommuDriver driver, int count, ushort id)
    {
        var lending = new Lending(driver);
        var request = Knock.On(check);
        var sent = lending.Readable(request);
        var pieces = count - 1;
        var list = new List<PackedDescriptor>();
        for (var i = 0; i < pieces; i++)
        {
            var length = i < pieces - 1 ? 4 : request.Encode().Length - 4 * i;
            list.Add(new PackedDescriptor(sent + 4 * (ulong)i, (uint)length, (ushort)(id + 1 + i), DescriptorFlags.Next));
        }
        list.Add(new PackedDescriptor(lending.Lent(request.WritableLength), (uint)request.WritableLength, id, DescriptorFlags.Write));
        return [.. list];
    }

    private static PackedDescriptor Serve(CheckContext check, IommuDriver driver, PackedQueue queue, PackedDescriptor[] list)
    {
        var (slot, expected) = (queue.NextSlot, UsedMark.For(queue));
        queue.MakeAvailable(list);
        driver.NotifyRequests();
        var used = default(PackedDescriptor);
        Given(check.Machine.Await(() => ((used = queue.ReadDescriptor(slot)).Flags & UsedMark.Both) == expected), $"a list of {list.Length} descriptors does not come back in slot {slot}");
        return used;
    }
}
