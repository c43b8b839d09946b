using Viommu.Conformance.Checks.Rings;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.SplitRing;

/// <summary>What must not come of rings that no driver may write (2.7): other memory written, or a device that falls silent.</summary>
internal static class MalformedRingsChecks
{
    private const DescriptorFlags Next = DescriptorFlags.Next, Write = DescriptorFlags.Write, Indirect = DescriptorFlags.Indirect;

    private static readonly Malformation<SplitQueue>[] Chains =
    [
        new("a head outside the descriptor table", (_, queue) => queue.MakeAvailable(queue.Size)),
        new("a head of 65535", (_, queue) => queue.MakeAvailable(ushort.MaxValue)),
        new("a next outside the descriptor table", (lending, queue) => Chain(queue, new Descriptor(lending.Readable(64), 20, Next, queue.Size))),
        new("a chain that loops", (lending, queue) => Chain(queue, new Descriptor(lending.Readable(64), 8, Next, 1), new Descriptor(lending.Lent(64), 8, Write | Next, 0))),
        new("a descriptor that is its own next", (lending, queue) => Chain(queue, new Descriptor(lending.Lent(64), 64, Write | Next, 0))),
        new("a device-readable descriptor behind a device-writable one", (lending, queue) =>
            Chain(queue, new Descriptor(lending.Lent(4), 4, Write | Next, 1), new Descriptor(lending.Readable(64), 20, 0, 0))),
    ];

    private static readonly Malformation<SplitQueue>[] Buffers =
    [
        new("a device-readable buffer where no memory is", (lending, queue) => Chain(queue, new Descriptor(0xffff_ffff_ffff_f000, 20, Next, 1), Tail(lending))),
        new("a device-writable buffer where no memory is", (lending, queue) => Chain(queue, Head(lending), new Descriptor(0xffff_ffff_ffff_f000, 4, Write, 0))),
        new("a buffer that leaves the address space", (lending, queue) => Chain(queue, new Descriptor(ulong.MaxValue - 7, 20, Next, 1), Tail(lending))),
        new("a device-readable buffer of 4 GiB less one byte", (lending, queue) => Chain(queue, new Descriptor(lending.Readable(64), uint.MaxValue, Next, 1), Tail(lending))),
        new("a device-readable buffer of 2 GiB", (lending, queue) => Chain(queue, new Descriptor(lending.Readable(64), 0x8000_0000, Next, 1), Tail(lending))),
        new("a chain of buffers without a byte", (lending, queue) =>
            Chain(queue, new Descriptor(lending.Readable(64), 0, Next, 1), new Descriptor(lending.Lent(64), 0, Write, 0))),
    ];

    private static readonly Malformation<SplitQueue>[] Tables =
    [
        new("an indirect table without an entry", (lending, queue) => Chain(queue, new Descriptor(lending.Readable(64), 0, Indirect, 0))),
        new("an indirect table that ends inside an entry", (lending, queue) => Table(lending, queue, 2 * Descriptor.Size - 1, Head(lending), Tail(lending))),
        new("a next outside the indirect table", (lending, queue) => Table(lending, queue, 2 * Descriptor.Size, Head(lending) with { Next = 9 }, Tail(lending))),
        new("an indirect table that loops", (lending, queue) => Table(lending, queue, 2 * Descriptor.Size, Head(lending), Tail(lending) with { Flags = Write | Next })),
        new("an indirect table inside an indirect table", (lending, queue) =>
            Table(lending, queue, 2 * Descriptor.Size, Head(lending), new Descriptor(lending.Readable(64), 32, Indirect, 0))),
        new("an indirect descriptor with a next", (lending, queue) =>
        {
            var table = WriteTable(lending, queue, Head(lending), Tail(lending));
            Chain(queue, new Descriptor(table, 2 * Descriptor.Size, Indirect | Next, 1), Tail(lending));
        }),
        new("an indirect table where no memory is", (_, queue) => Chain(queue, new Descriptor(0xffff_ffff_ffff_f000, 2 * Descriptor.Size, Indirect, 0))),
    ];

    private static readonly Malformation<SplitQueue>[] Indices =
    [
        new("an available index that counts more chains than the queue has descriptors", (_, queue) => queue.WriteAvailableIndex((ushort)(queue.Position + queue.Size + 1))),
        new("an available index that goes back", (_, queue) => queue.WriteAvailableIndex((ushort)(queue.Position - 1))),
        new("an available index half way round", (_, queue) => queue.WriteAvailableIndex((ushort)(queue.Position + 0x8000))),
    ];

    [Check("DESC-SPLIT-09",
        Does = "Makes chains available that loop, leave the descriptor table, or have descriptors in the wrong order; compares all memory before and after.",
        Reading = "Whatever the device makes of them, only its used ring and device-writable buffers changed.")]
    internal static void Nothing_else_is_written_upon_malformed_chains(CheckContext check) => Chains.WriteNothingElse(check, Split);

    [Check("DESC-SPLIT-09",
        Does = "Makes chains available with buffers where no memory is, of lengths that do not fit, and of no length; compares all memory before and after.",
        Reading = "Whatever the device makes of them, only its used ring and device-writable buffers changed.")]
    internal static void Nothing_else_is_written_upon_impossible_buffers(CheckContext check) => Buffers.WriteNothingElse(check, Split);

    [Check("DESC-SPLIT-09",
        Does = "Makes indirect tables available that loop, are left by next, nested, or of no possible length; compares all memory before and after.",
        Reading = "Whatever the device makes of them, only its used ring and device-writable buffers changed. N/A without INDIRECT_DESC.")]
    internal static void Nothing_else_is_written_upon_malformed_indirect_tables(CheckContext check)
    {
        check.Requires(Features.IndirectDesc);
        Tables.WriteNothingElse(check, Split);
    }

    [Check("DESC-SPLIT-09",
        Does = "Moves the available index further than there are descriptors, or back; compares all memory before and after.",
        Reading = "Whatever the device makes of it, only its used ring and device-writable buffers changed.")]
    internal static void Nothing_else_is_written_upon_an_impossible_available_index(CheckContext check) => Indices.WriteNothingElse(check, Split);

    [Check("DESC-SPLIT-10",
        Does = "Makes chains available that loop, leave the descriptor table, or have descriptors in the wrong order; then, unless DEVICE_NEEDS_RESET is set, a good request.",
        Reading = "Either DEVICE_NEEDS_RESET is set, or the good request is served.")]
    internal static void Malformed_chains_are_survived_or_reported(CheckContext check) => Chains.AreSurvivedOrReported(check, Split);

    [Check("DESC-SPLIT-10",
        Does = "Makes chains available with buffers where no memory is, of lengths that do not fit, and of no length; then, unless DEVICE_NEEDS_RESET is set, a good request.",
        Reading = "Either DEVICE_NEEDS_RESET is set, or the good request is served.")]
    internal static void Impossible_buffers_are_survived_or_reported(CheckContext check) => Buffers.AreSurvivedOrReported(check, Split);

    [Check("DESC-SPLIT-10",
        Does = "Makes indirect tables available that loop, are left by next, nested, or of no possible length; then, unless DEVICE_NEEDS_RESET is set, a good request.",
        Reading = "Either DEVICE_NEEDS_RESET is set, or the good request is served. N/A without INDIRECT_DESC.")]
    internal static void Malformed_indirect_tables_are_survived_or_reported(CheckContext check)
    {
        check.Requires(Features.IndirectDesc);
        Tables.AreSurvivedOrReported(check, Split);
    }

    [Check("DESC-SPLIT-10",
        Does = "Puts a buffer where no memory is into the event queue, and lets an endpoint fault; then, unless DEVICE_NEEDS_RESET is set, sends a request.",
        Reading = "Either DEVICE_NEEDS_RESET is set, or the request queue is served as before. N/A where the device reports no fault.")]
    internal static void An_error_of_the_event_queue_does_not_silence_the_request_queue(CheckContext check) =>
        EventQueueError.LeavesTheRequestQueueAlone(check, queue => Split(queue));

    private static Descriptor Head(Lending lending)
    {
        var request = new DetachRequest(1, UnknownEndpoint);
        return new Descriptor(lending.Readable(request), (uint)request.Encode().Length, Next, 1);
    }

    private static Descriptor Tail(Lending lending) => new(lending.Lent(Request.TailSize), Request.TailSize, Write, 0);

    /// <summary>Writes a chain whose <c>next</c> fields count its own descriptors, and makes it available.</summary>
    private static void Chain(SplitQueue queue, params Descriptor[] chain)
    {
        var slots = queue.TakeSlots(chain.Length);
        for (var i = 0; i < chain.Length; i++)
            queue.WriteDescriptor(slots[i], chain[i].Next < chain.Length ? chain[i] with { Next = slots[chain[i].Next] } : chain[i]);
        queue.MakeAvailable(slots[0]);
    }

    private static void Table(Lending lending, SplitQueue queue, int length, params Descriptor[] entries) =>
        Chain(queue, new Descriptor(WriteTable(lending, queue, entries), (uint)length, Indirect, 0));

    private static ulong WriteTable(Lending lending, SplitQueue queue, params Descriptor[] entries)
    {
        var table = lending.Readable(entries.Length * Descriptor.Size);
        for (var i = 0; i < entries.Length; i++) queue.WriteDescriptor(table, i, entries[i]);
        return table;
    }
}
