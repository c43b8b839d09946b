using Viommu.Conformance.Checks.Rings;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.PackedRing;

/// <summary>What must not come of rings that no driver may write (2.8): other memory written, or a device that falls silent.</summary>
internal static class MalformedRingsChecks
{
    private const DescriptorFlags Next = DescriptorFlags.Next, Write = DescriptorFlags.Write, Indirect = DescriptorFlags.Indirect;

    private static readonly Malformation<PackedQueue>[] Lists =
    [
        new("a ring full of descriptors that go on", (lending, queue) =>
            queue.MakeAvailable([.. Enumerable.Repeat(new PackedDescriptor(lending.Readable(64), 8, 0, Next), queue.Size)])),
        new("a device-readable descriptor behind a device-writable one", (lending, queue) =>
            queue.MakeAvailable(new PackedDescriptor(lending.Lent(4), 4, 0, Write | Next), new PackedDescriptor(lending.Readable(64), 20, 0, 0))),
        new("a Buffer ID beyond the queue size", (lending, queue) => queue.MakeAvailable(Head(lending), Tail(lending) with { Id = ushort.MaxValue })),
    ];

    // A device can wait for the rest, and then take what comes next for it: so what becomes of later requests is not judged.
    private static readonly Malformation<PackedQueue> Unfinished = new("a list that goes on where nothing is available", (lending, queue) => queue.MakeAvailable(Head(lending)));

    private static readonly Malformation<PackedQueue>[] Buffers =
    [
        new("a device-readable buffer where no memory is", (lending, queue) => queue.MakeAvailable(new PackedDescriptor(0xffff_ffff_ffff_f000, 20, 0, Next), Tail(lending))),
        new("a device-writable buffer where no memory is", (lending, queue) => queue.MakeAvailable(Head(lending), new PackedDescriptor(0xffff_ffff_ffff_f000, 4, 0, Write))),
        new("a buffer that leaves the address space", (lending, queue) => queue.MakeAvailable(new PackedDescriptor(ulong.MaxValue - 7, 20, 0, Next), Tail(lending))),
        new("a device-readable buffer of 4 GiB less one byte", (lending, queue) =>
            queue.MakeAvailable(new PackedDescriptor(lending.Readable(64), uint.MaxValue, 0, Next), Tail(lending))),
        new("a device-readable buffer of 2 GiB", (lending, queue) => queue.MakeAvailable(new PackedDescriptor(lending.Readable(64), 0x8000_0000, 0, Next), Tail(lending))),
        new("a list of buffers without a byte", (lending, queue) =>
            queue.MakeAvailable(new PackedDescriptor(lending.Readable(64), 0, 0, Next), new PackedDescriptor(lending.Lent(64), 0, 0, Write))),
    ];

    private static readonly Malformation<PackedQueue>[] Tables =
    [
        new("an indirect table without an entry", (lending, queue) => queue.MakeAvailable(new PackedDescriptor(lending.Readable(64), 0, 0, Indirect))),
        new("an indirect table that ends inside an entry", (lending, queue) => queue.MakeAvailable(Table(lending, queue) with { Length = 2 * PackedDescriptor.Size - 1 })),
        new("an indirect table longer than the queue", (lending, queue) =>
            queue.MakeAvailable(new PackedDescriptor(lending.Readable(PackedDescriptor.Size * (queue.Size + 1)), (uint)(PackedDescriptor.Size * (queue.Size + 1)), 0, Indirect))),
        new("an indirect table of 4 GiB", (lending, queue) => queue.MakeAvailable(Table(lending, queue) with { Length = 0xffff_fff0 })),
        new("an indirect descriptor in a list", (lending, queue) => queue.MakeAvailable(Head(lending), Table(lending, queue))),
        new("an indirect table where no memory is", (_, queue) => queue.MakeAvailable(new PackedDescriptor(0xffff_ffff_ffff_f000, 2 * PackedDescriptor.Size, 0, Indirect))),
    ];

    [Check("DESC-PACKED-15",
        Does = "Makes lists available that do not end, end nowhere, or have descriptors in the wrong order; compares all memory before and after.",
        Reading = "Whatever the device makes of them, only the descriptor ring, the device's event suppression structure and device-writable buffers changed.")]
    internal static void Nothing_else_is_written_upon_malformed_lists(CheckContext check) => Lists.Append(Unfinished).WriteNothingElse(check, Packed);

    [Check("DESC-PACKED-15",
        Does = "Makes lists available with buffers where no memory is, of lengths that do not fit, and of no length; compares all memory before and after.",
        Reading = "Whatever the device makes of them, only the descriptor ring, the device's event suppression structure and device-writable buffers changed.")]
    internal static void Nothing_else_is_written_upon_impossible_buffers(CheckContext check) => Buffers.WriteNothingElse(check, Packed);

    [Check("DESC-PACKED-15",
        Does = "Makes indirect tables available of no possible length, where no memory is, and inside a list; compares all memory before and after.",
        Reading = "Whatever the device makes of them, only the descriptor ring, the device's event suppression structure and device-writable buffers changed. N/A without INDIRECT_DESC.")]
    internal static void Nothing_else_is_written_upon_malformed_indirect_tables(CheckContext check)
    {
        check.Requires(Features.IndirectDesc);
        Tables.WriteNothingElse(check, Packed);
    }

    [Check("DESC-PACKED-16",
        Does = "Makes lists available that do not end or have descriptors in the wrong order; then, unless DEVICE_NEEDS_RESET is set, a good request.",
        Reading = "Either DEVICE_NEEDS_RESET is set, or the good request is served.")]
    internal static void Malformed_lists_are_survived_or_reported(CheckContext check) => Lists.AreSurvivedOrReported(check, Packed);

    [Check("DESC-PACKED-16",
        Does = "Makes lists available with buffers where no memory is, of lengths that do not fit, and of no length; then, unless DEVICE_NEEDS_RESET is set, a good request.",
        Reading = "Either DEVICE_NEEDS_RESET is set, or the good request is served.")]
    internal static void Impossible_buffers_are_survived_or_reported(CheckContext check) => Buffers.AreSurvivedOrReported(check, Packed);

    [Check("DESC-PACKED-16",
        Does = "Makes indirect tables available of no possible length, or where no memory is; then, unless DEVICE_NEEDS_RESET is set, a good request.",
        Reading = "Either DEVICE_NEEDS_RESET is set, or the good request is served. N/A without INDIRECT_DESC.")]
    internal static void Malformed_indirect_tables_are_survived_or_reported(CheckContext check)
    {
        check.Requires(Features.IndirectDesc);
        Tables.AreSurvivedOrReported(check, Packed);
    }

    [Check("DESC-PACKED-16",
        Does = "Puts a buffer where no memory is into the event queue, and lets an endpoint fault; then, unless DEVICE_NEEDS_RESET is set, sends a request.",
        Reading = "Either DEVICE_NEEDS_RESET is set, or the request queue is served as before. N/A where the device reports no fault.")]
    internal static void An_error_of_the_event_queue_does_not_silence_the_request_queue(CheckContext check) =>
        EventQueueError.LeavesTheRequestQueueAlone(check, queue => Packed(queue));

    private static PackedDescriptor Head(Lending lending)
    {
        var request = new DetachRequest(1, UnknownEndpoint);
        return new PackedDescriptor(lending.Readable(request), (uint)request.Encode().Length, 0, Next);
    }

    private static PackedDescriptor Tail(Lending lending) => new(lending.Lent(Request.TailSize), Request.TailSize, 0, Write);

    private static PackedDescriptor Table(Lending lending, PackedQueue queue)
    {
        var table = lending.Readable(2 * PackedDescriptor.Size);
        queue.WriteDescriptor(table, 0, Head(lending) with { Flags = DescriptorFlags.None });
        queue.WriteDescriptor(table, 1, Tail(lending));
        return new PackedDescriptor(table, 2 * PackedDescriptor.Size, 0, Indirect);
    }
}
