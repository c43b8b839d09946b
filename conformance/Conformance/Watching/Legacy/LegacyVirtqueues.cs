using System.Buffers.Binary;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Legacy;

/// <summary>Legacy Interfaces: A Note on Virtqueue Layout (2.7.2) and on Virtqueue Endianness (2.7.3), driver's side.</summary>
internal static class LegacyVirtqueues
{
    private const ulong DefaultPage = 4096;

    [Rule("LEGACY-VQ-V-01", Needs = Sight.Registers | Sight.Conclusions, Transports = [WatchedTransport.LegacyPci, WatchedTransport.LegacyMmio],
        Does = "Where the driver tells where a queue is, looks for a read of its size.",
        Reading = "There is one since the device was found.")]
    public static void The_size_of_a_queue_is_read_before_it_is_placed(Judge judge, Observation seen)
    {
        var known = judge.Keep<HashSet<int>>();
        if (seen is QueueRead { Field: QueueField.SizeMax or QueueField.Size } read) known.Add(read.Queue);
        else if (seen is QueueWritten { Field: QueueField.PageNumber, Value: not 0 } placed)
            judge.That(known.Contains(placed.Queue), $"the size of queue {placed.Queue} read before the queue is placed", $"{placed}");
    }

    [Rule("LEGACY-VQ-V-02", Needs = Sight.Registers | Sight.MemoryMap | Sight.Conclusions, Transports = [WatchedTransport.LegacyPci, WatchedTransport.LegacyMmio],
        Does = "Works out how many bytes the queue takes that the driver places, and compares them with guest memory and with the other queues.",
        Reading = "All of it is memory, and none of it belongs to another queue: so many bytes were allocated. The formula is read with qalign as a mask.")]
    public static void A_queue_has_all_the_memory_that_it_takes(Judge judge, Observation seen)
    {
        var (page, places) = (judge.Keep<GuestPage>(), judge.Keep<Dictionary<int, (ulong First, ulong Last)>>());
        page.Follow(seen);
        if (seen is StatusWritten { Status: DeviceStatus.None } or SystemWasReset) places.Clear();
        if (seen is not QueueWritten { Field: QueueField.PageNumber } placed) return;
        places.Remove(placed.Queue);
        var queue = judge.Driver.Queue(placed.Queue);
        if (placed.Value == 0 || queue.Size is not (> 0 and <= 32768 and var size) || judge.Driver.Ram is not { } ram) return;
        var align = queue.Written(QueueField.Align) ?? DefaultPage;
        var first = placed.Value * page.Size;
        var last = first + RoundUp(16 * size + 2 * (3 + size), align) + RoundUp(6 + 8 * size, align) - 1;
        var clash = places.FirstOrDefault(place => place.Value.First <= last && first <= place.Value.Last);
        judge.That(
            first >= ram.First && last <= ram.Last && last >= first && clash.Value == default,
            $"0x{first:x}..0x{last:x}, which queue {placed.Queue} takes, in guest memory and clear of other queues",
            clash.Value == default ? $"guest memory is 0x{ram.First:x}..0x{ram.Last:x}" : $"queue {clash.Key} is at 0x{clash.Value.First:x}..0x{clash.Value.Last:x}");
        places[placed.Queue] = (first, last);
    }

    [Rule("LEGACY-VQ-V-03", Needs = Sight.Registers | Sight.Memory, Transports = [WatchedTransport.LegacyPci, WatchedTransport.LegacyMmio],
        Does = "Looks for chains in the available ring of each queue that the driver has notified the device of, where the legacy layout has that ring.",
        Reading = "There is one at least by the time of the reset that ends the use of the queue: else the driver has its rings elsewhere.")]
    public static void Chains_are_made_available_where_the_layout_has_the_ring(Judge judge, Observation seen)
    {
        var use = judge.Keep<Use>();
        if (seen is Doorbell doorbell && judge.Driver.Queue(doorbell.Queue).IsEnabled) use.Notified.Add(doorbell.Queue);
        else if (seen is ChainAvailable available) use.Filled.Add(available.Chain.Queue);
        else if (seen is StatusWritten { Status: DeviceStatus.None } or SessionEnded)
        {
            foreach (var queue in use.Notified)
                judge.That(use.Filled.Contains(queue), $"chains in the available ring of queue {queue} where the legacy layout has it", "none was there, and the device was notified");
            use.Notified.Clear();
            use.Filled.Clear();
        }
    }

    [Rule("LEGACY-VQ-V-04", Needs = Sight.Registers | Sight.Memory, Transports = [WatchedTransport.LegacyPci, WatchedTransport.LegacyMmio],
        Does = "Compares every value of the available index with how many chains the device has returned.",
        Reading = "In little-endian, it is ahead of them by no more than the queue has descriptors. That is what guests of every target here are; an index that is so in "
            + "big-endian alone is in the wrong order.")]
    public static void The_available_index_is_in_the_byte_order_of_the_guest(Judge judge, Observation seen)
    {
        var used = judge.Keep<Dictionary<int, ushort>>();
        if (seen is StatusWritten { Status: DeviceStatus.None } or SystemWasReset) used.Clear();
        if (seen is QueueWritten { Field: QueueField.PageNumber } placed) used.Remove(placed.Queue);
        if (seen is ChainUsed returned) used[returned.Queue] = (ushort)(used.GetValueOrDefault(returned.Queue) + 1);
        if (seen is not RingWritten { Field: RingField.AvailIndex } written || judge.Driver.Queue(written.Queue).Size is not { } size) return;
        var behind = used.GetValueOrDefault(written.Queue);
        var isSwapped = (ushort)(written.Value - behind) > size && (ushort)(BinaryPrimitives.ReverseEndianness(written.Value) - behind) <= size;
        judge.That(!isSwapped, $"avail.idx of queue {written.Queue} in little-endian", $"0x{written.Value:x4}, when {behind} chains were returned");
    }

    private static ulong RoundUp(ulong length, ulong align) => align == 0 ? length : (length + align - 1) / align * align;

    /// <summary>GuestPageSize, which is 4096 on PCI; unlike other registers it outlives a reset.</summary>
    private sealed class GuestPage
    {
        public ulong Size { get; private set; } = DefaultPage;

        public void Follow(Observation seen)
        {
            if (seen is RegisterAccess { Space: RegisterSpace.Mmio, Offset: Guest.Transport.MmioRegister.GuestPageSize, IsWrite: true } written) Size = written.Value;
        }
    }

    /// <summary>Which queues the device was notified of, and which have had chains, since the reset.</summary>
    private sealed class Use
    {
        public HashSet<int> Notified { get; } = [];

        public HashSet<int> Filled { get; } = [];
    }
}
