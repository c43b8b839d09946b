using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Core;

/// <summary>2.7.8 The Virtqueue Used Ring, where it speaks without keywords.</summary>
internal static class UsedRingChecks
{
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
        var request = Knock.On(check);
        Judge(request, request.WritableLength - Request.TailSize, Answer.To(check.Start(), request));
    }

    [Check("DESC-SPLIT-02",
        Does = "Sends PROBE for an endpoint twice, into buffers that hold different bytes.",
        Reading = "The length reaches the status behind the properties, does not exceed probe_size + 4, and as many bytes from the first on are the same both times: "
            + "properties that were not filled must not be counted. A device can write more than it counts (2.7.8.2).")]
    internal static void The_length_of_a_PROBE_answer_counts_bytes_that_were_written(CheckContext check)
    {
        check.Requires(Features.Probe);
        var driver = check.Start();
        var request = new ProbeRequest(check.Endpoint, (int)driver.Config.ProbeSize);
        Judge(request, request.PropertiesSize, Answer.To(driver, request));
    }

    [Check("DESC-SPLIT-02",
        Does = "Sends a request of an unknown type twice, into buffers that hold different bytes.",
        Reading = "No byte is counted that was not written: where the buffer comes back as it was, the length is 0.")]
    internal static void The_length_of_an_unanswered_request_counts_nothing_that_was_not_written(CheckContext check)
    {
        var request = new RawRequest([0xff, 0, 0, 0], 64);
        foreach (var (length, written) in Answer.To(check.Start(), request))
            That(length <= written, $"length {written} at most, the bytes that {request} got written", $"length {length}");
    }

    [Check("DESC-SPLIT-03",
        Does = "Sends more than 65536 requests through one queue, in batches.",
        Reading = "used.idx counts every one, going from 65535 to 0, and the used elements stand at idx modulo the queue size.")]
    internal static void The_used_index_counts_every_element_and_wraps_at_16_bits(CheckContext check)
    {
        var driver = check.Start();
        var queue = Split(driver.Requests);

        // Chains that are used again and again, so that memory does not run out. Which of them make up a batch is random, so that what
        // an earlier batch left in the ring is not what is expected.
        var heads = Enumerable.Range(0, queue.Size / 2).Select(_ => driver.MakeAvailable(Knock.On(check), Framing.Plain).Chain).ToArray();
        driver.NotifyRequests();
        driver.Collect();
        Given(queue.ReadUsedIndex() == heads.Length, $"used.idx is {queue.ReadUsedIndex()} after {heads.Length} requests");
        for (var sent = heads.Length; sent <= 65536 + queue.Size;)
        {
            check.Random.Shuffle(heads);
            var batch = heads[..Math.Max(1, heads.Length * 3 / 4)];
            foreach (var head in batch) queue.MakeAvailable(head);
            driver.NotifyRequests();
            var expected = (ushort)(sent + batch.Length);
            That(check.Machine.Await(() => queue.ReadUsedIndex() == expected), $"used.idx {expected} after {sent + batch.Length} requests", $"used.idx {queue.ReadUsedIndex()}");
            var used = Enumerable.Range(sent, batch.Length).Select(i => queue.ReadUsedElement((ushort)i).Id).Order();
            That(used.SequenceEqual(batch.Select(head => (uint)head).Order()),
                $"the used elements of requests {sent} to {sent + batch.Length - 1} at those indices modulo {queue.Size}", "other ids are there");
            sent += batch.Length;
        }
    }

    private static void Judge(Request request, int statusAt, IReadOnlyList<Answer> answers)
    {
        foreach (var (length, written) in answers)
        {
            That(length > statusAt && length <= request.WritableLength, $"a length of {statusAt + 1} to {request.WritableLength} for {request}", $"length {length}");
            That(length <= written, $"bytes 0 to {length - 1} written, as length {length} says of {request}", $"byte {written} was not written");
        }
    }

    private static void ScatterDescriptors(CheckContext check, SplitQueue queue)
    {
        var slots = queue.TakeSlots(queue.Size);
        check.Random.Shuffle(slots);
        queue.ReturnSlots(slots);
    }

    /// <summary>What came back for a request.</summary>
    /// <param name="Length">The used length.</param>
    /// <param name="Written">How many bytes, from the first device-writable one on, the device wrote.</param>
    private sealed record Answer(uint Length, int Written)
    {
        /// <summary>Sends a request into a buffer of 0xa5 and into one of 0x5a. A byte that keeps its value both times was not written.</summary>
        public static IReadOnlyList<Answer> To(IommuDriver driver, Request request)
        {
            var runs = new[] { Send(driver, request, 0xa5), Send(driver, request, 0x5a) };
            var written = 0;
            while (written < request.WritableLength && (runs[0].Bytes[written] != 0xa5 || runs[1].Bytes[written] != 0x5a)) written++;
            return [.. runs.Select(run => new Answer(run.Length, written))];
        }

        private static (uint Length, byte[] Bytes) Send(IommuDriver driver, Request request, byte fill)
        {
            var (machine, queue) = (driver.Machine, Split(driver.Requests));
            var (sent, bytes) = (request.Encode(), new byte[request.WritableLength]);
            bytes.AsSpan().Fill(fill);
            var from = machine.Heap.Allocate((ulong)sent.Length, 16);
            var into = machine.Heap.Allocate((ulong)bytes.Length, 16);
            machine.Target.Ram.Write(from, sent);
            machine.Target.Ram.Write(into, bytes);
            var slots = queue.TakeSlots(2);
            queue.WriteDescriptor(slots[0], new Descriptor(from, (uint)sent.Length, DescriptorFlags.Next, slots[1]));
            queue.WriteDescriptor(slots[1], new Descriptor(into, (uint)bytes.Length, DescriptorFlags.Write, 0));
            var at = queue.ReadUsedIndex();
            queue.MakeAvailable(slots[0]);
            driver.NotifyRequests();
            Given(machine.Await(() => queue.ReadUsedIndex() != at), $"{request} does not come back");
            machine.Target.Ram.Read(into, bytes);
            var length = queue.ReadUsedElement(at).Length;
            machine.Journal.Add($"{request} into bytes of 0x{fill:x2}: used length {length}, {Convert.ToHexStringLower(bytes)}");
            return (length, bytes);
        }
    }
}
