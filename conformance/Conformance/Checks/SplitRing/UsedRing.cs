using Viommu.Conformance.Checks.Core;
using Viommu.Conformance.Checks.Rings;
using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.SplitRing;

/// <summary>2.7.8 The Virtqueue Used Ring.</summary>
internal static class UsedRingChecks
{
    private const uint NotWritten = uint.MaxValue;

    [Check("SPLIT-USED-D-01",
        Does = "Poisons the used ring before DRIVER_OK, and sends requests while another thread looks at used.idx and, as soon as that moves, at the element in front of it.",
        Reading = "The element is complete by then. Where the thread does not look in time it sees nothing, and the check passes.")]
    internal static void A_used_element_is_complete_when_the_index_counts_it(CheckContext check)
    {
        var features = check.Acceptable(Features.AcceptedByDefault);
        Negotiation.Begin(check.Machine);
        Given(Negotiation.Offer(check.Machine, features), $"the device refuses features 0x{features:x}");
        var driver = IommuDriver.Prepare(check.Machine, features, new DriverSettings());
        var queue = Split(driver.Requests);

        // Before DRIVER_OK the used ring is the driver's.
        for (ushort i = 0; i < queue.Size; i++) check.Machine.Target.Ram.Write(queue.UsedElementAddress(i), Enumerable.Repeat((byte)0xff, 8).ToArray());
        Negotiation.SetDriverOk(check.Machine);
        for (ushort i = 0; i < Math.Min((ushort)64, queue.Size); i++)
        {
            var (at, request) = (i, driver.MakeAvailable(Knock.On(check), Framing.Plain));
            var seen = Onlooker.Watch(check.Machine, () => queue.ReadUsedIndex() != at, () => (object)queue.ReadUsedElement(at), () => Serve(driver));
            if (seen is not UsedElement element) continue;
            That(element.Length != NotWritten && element.Id != NotWritten, $"the used element of {request.Request} complete when used.idx counts it",
                $"id 0x{element.Id:x}, length 0x{element.Length:x} at that moment, where the ring held ones");
        }
    }

    [Check("SPLIT-USED-D-02",
        Does = "Sends requests that are answered and requests that are refused, PROBE of an endpoint that does not exist among them, each twice, into buffers that hold different bytes.",
        Reading = "As many bytes as the length counts, from the first device-writable one on, are the same both times. What a refused PROBE did not fill must not be counted.")]
    internal static void As_many_bytes_as_the_length_says_are_written(CheckContext check)
    {
        var driver = check.Start();
        Split(driver.Requests);
        var requests = Conversation.Of(check, driver).ToList();
        if (driver.Has(Features.Probe)) requests.Add(new ProbeRequest(UnknownEndpoint, (int)driver.Config.ProbeSize));
        foreach (var request in requests) TwoAnswers.To(driver, request).CountWhatWasWritten();
    }

    [Check("SPLIT-USED-D-02",
        Does = "Sends requests while another thread looks at used.idx and, as soon as that moves, at the device-writable buffer.",
        Reading = "As many bytes as the length counts have their last value by then. Where the thread does not look in time it sees nothing, and the check passes.")]
    internal static void The_bytes_that_the_length_counts_are_written_when_the_index_counts_the_element(CheckContext check)
    {
        var driver = check.Start();
        var queue = Split(driver.Requests);
        var request = Knock.On(check);
        for (ushort i = 0; i < 64; i++)
        {
            var lending = new Lending(driver);
            var (at, into) = (i, lending.Lent(request.WritableLength));
            check.Machine.Target.Ram.Write(into, [GuardedBuffer.Poison, GuardedBuffer.Poison, GuardedBuffer.Poison, GuardedBuffer.Poison]);
            queue.Lend([new BufferElement(lending.Readable(request), (uint)request.Encode().Length, IsWritable: false), new BufferElement(into, (uint)request.WritableLength, IsWritable: true)]);
            var seen = Onlooker.Watch(check.Machine, () => queue.ReadUsedIndex() != at, Read, () =>
            {
                driver.NotifyRequests();
                Given(check.Machine.Await(() => queue.TryTakeUsed(out _)), $"{request} does not come back");
            });
            var counted = (int)Math.Min(queue.ReadUsedElement(at).Length, (uint)request.WritableLength);
            That(seen is null || seen.AsSpan(0, counted).SequenceEqual(Read().AsSpan(0, counted)),
                $"{counted} bytes of the answer to {request} in place when used.idx counts it", $"{Convert.ToHexStringLower(seen ?? [])} at that moment, {Convert.ToHexStringLower(Read())} later");

            byte[] Read()
            {
                var bytes = new byte[request.WritableLength];
                check.Machine.Target.Ram.Read(into, bytes);
                return bytes;
            }
        }
    }

    [Check("SPLIT-USED-D-03",
        Does = "Sends requests of every kind into guarded buffers, and sees whether the device writes more than it counts.",
        Reading = "It may, inside the device-writable buffers, and the remark tells whether it does. No byte around them changes.")]
    internal static void What_is_written_beyond_the_length_stays_in_the_device_writable_buffers(CheckContext check)
    {
        var driver = check.Start();
        Split(driver.Requests);
        var requests = Conversation.Of(check, driver).Append(new RawRequest([0xff, 0, 0, 0], 64)).ToList();
        var beyond = 0;
        foreach (var request in requests)
        {
            var exchange = driver.MakeAvailable(request, new Framing([4, 3], [1]));
            driver.NotifyRequests();
            var used = default(UsedElement);
            Given(check.Machine.Await(() => driver.Requests.TryTakeUsed(out used)), $"{request} does not come back");
            exchange.Inspect();
            That(exchange.Damage is null, $"nothing written for {request} but its device-writable buffers", exchange.Damage ?? "");
            var counted = (int)Math.Min(used.Length, (uint)exchange.Reply.Length);
            if (exchange.Reply.AsSpan(counted).IndexOfAnyExcept(GuardedBuffer.Poison) >= 0) beyond++;
        }
        check.Note = beyond == 0 ? "the device writes what it counts" : $"the device writes more than it counts in {beyond} of {requests.Count} requests";
    }

    [Check("DESC-SPLIT-01",
        Does = "Sends requests one at a time, their chains cut in three and built of descriptors in random order.",
        Reading = "The id of each used element is the index of the chain's first descriptor.")]
    internal static void A_used_element_names_the_head_of_the_chain(CheckContext check)
    {
        var driver = check.Start();
        var queue = Split(driver.Requests);
        ScatterDescriptors(check, queue);
        for (var i = 0; i < 32; i++)
        {
            var at = queue.ReadUsedIndex();
            var request = driver.MakeAvailable(Knock.On(check), new Framing([4 + check.Random.Next(4)], []));
            driver.NotifyRequests();
            Given(check.Machine.Await(() => queue.ReadUsedIndex() != at), "the request does not come back");
            var element = queue.ReadUsedElement(at);
            That(element.Id == request.Chain, $"id {request.Chain}, the head of the chain", $"id {element.Id}");
            driver.Collect();
        }
    }

    [Check("DESC-SPLIT-01",
        Does = "Makes a queue full of requests available at once, their chains built of descriptors in random order.",
        Reading = "Each head is named by one used element, in any order, and by no second one.")]
    internal static void Each_chain_of_a_batch_is_used_once(CheckContext check)
    {
        var driver = check.Start();
        var queue = Split(driver.Requests);
        ScatterDescriptors(check, queue);
        var heads = Enumerable.Range(0, queue.Size / 2).Select(_ => (uint)driver.MakeAvailable(Knock.On(check), Framing.Plain).Chain).ToList();
        driver.NotifyRequests();
        check.Machine.Await(() => queue.ReadUsedIndex() >= heads.Count);
        check.Machine.Target.Settle();
        That(queue.ReadUsedIndex() == heads.Count, $"used.idx {heads.Count} after as many requests", $"used.idx {queue.ReadUsedIndex()}");
        var used = Enumerable.Range(0, heads.Count).Select(i => queue.ReadUsedElement((ushort)i).Id).ToList();
        That(used.Order().SequenceEqual(heads.Order()), $"each of {heads.Count} heads used once",
            $"never used: {List(heads.Except(used))}; not available or used twice: {List(used.GroupBy(id => id).Where(g => g.Count() > 1 || !heads.Contains(g.Key)).Select(g => g.Key))}");

        static string List(IEnumerable<uint> ids) => string.Join(' ', ids) is { Length: > 0 } some ? some : "none";
    }

    [Check("DESC-SPLIT-02",
        Does = "Sends a request whose answer is a tail alone, twice, into buffers that hold different bytes.",
        Reading = "Length 1 to 4, and as many bytes from the first on are the same both times. A device can write more than it counts (2.7.8.2).")]
    internal static void The_length_of_a_plain_answer_counts_bytes_that_were_written(CheckContext check)
    {
        var driver = check.Start();
        Split(driver.Requests);
        Judge(TwoAnswers.To(driver, Knock.On(check)));
    }

    [Check("DESC-SPLIT-02",
        Does = "Sends PROBE for an endpoint twice, into buffers that hold different bytes.",
        Reading = "The length reaches the status behind the properties, does not exceed probe_size + 4, and as many bytes from the first on are the same both times: "
            + "properties that were not filled must not be counted. A device can write more than it counts (2.7.8.2).")]
    internal static void The_length_of_a_PROBE_answer_counts_bytes_that_were_written(CheckContext check)
    {
        check.Requires(Features.Probe);
        var driver = check.Start();
        Split(driver.Requests);
        Judge(TwoAnswers.To(driver, new ProbeRequest(check.Endpoint, (int)driver.Config.ProbeSize)));
    }

    [Check("DESC-SPLIT-02",
        Does = "Sends a request of an unknown type twice, into buffers that hold different bytes.",
        Reading = "No byte is counted that was not written: where the buffer comes back as it was, the length is 0.")]
    internal static void The_length_of_an_unanswered_request_counts_nothing_that_was_not_written(CheckContext check)
    {
        var driver = check.Start();
        Split(driver.Requests);
        TwoAnswers.To(driver, new RawRequest([0xff, 0, 0, 0], 64)).CountWhatWasWritten();
    }

    [Check("DESC-SPLIT-03",
        Does = "Sends more than 65536 requests through one queue, in batches.",
        Reading = "used.idx counts every one, going from 65535 to 0, and the used elements stand at idx modulo the queue size.")]
    internal static void The_used_index_counts_every_element_and_wraps_at_16_bits(CheckContext check)
    {
        var driver = check.Start();
        var queue = Split(driver.Requests);

        // Which of the chains make up a batch is random, so that what an earlier batch left in the ring is not what is expected.
        var chains = new ReusedChains(check, driver, queue);
        Given(queue.ReadUsedIndex() == chains.Heads.Length, $"used.idx is {queue.ReadUsedIndex()} after {chains.Heads.Length} requests");
        for (var sent = chains.Heads.Length; sent <= 65536 + queue.Size;)
        {
            check.Random.Shuffle(chains.Heads);
            var batch = chains.Heads[..Math.Max(1, chains.Heads.Length * 3 / 4)];
            chains.MakeAvailable(batch.Length);
            driver.NotifyRequests();
            var expected = (ushort)(sent + batch.Length);
            That(check.Machine.Await(() => queue.ReadUsedIndex() == expected), $"used.idx {expected} after {sent + batch.Length} requests", $"used.idx {queue.ReadUsedIndex()}");
            var used = Enumerable.Range(sent, batch.Length).Select(i => queue.ReadUsedElement((ushort)i).Id).Order();
            That(used.SequenceEqual(batch.Select(head => (uint)head).Order()),
                $"the used elements of requests {sent} to {sent + batch.Length - 1} at those indices modulo {queue.Size}", "other ids are there");
            sent += batch.Length;
        }
    }

    private static void Judge(TwoAnswers answers)
    {
        answers.ReachTheStatus();
        answers.CountWhatWasWritten();
    }

    private static void Serve(IommuDriver driver)
    {
        driver.NotifyRequests();
        driver.Collect();
    }

    private static void ScatterDescriptors(CheckContext check, SplitQueue queue)
    {
        var slots = queue.TakeSlots(queue.Size);
        check.Random.Shuffle(slots);
        queue.ReturnSlots(slots);
    }
}
