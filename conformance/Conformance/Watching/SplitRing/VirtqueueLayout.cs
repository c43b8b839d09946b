using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.SplitRing;

/// <summary>The three parts of split virtqueues (2.7) and the available index (2.7.6), driver's side.</summary>
internal static class VirtqueueLayout
{
    [Rule("SPLIT-LAYOUT-V-01", Needs = Sight.Registers, Transports = [WatchedTransport.Pci, WatchedTransport.Mmio],
        Does = "Reads the three addresses of every queue when it is enabled.",
        Reading = "Descriptor table, available ring and used ring are at multiples of 16, 2 and 4. A legacy interface takes the address of a page.")]
    public static void The_three_parts_are_aligned(Judge judge, QueueWritten seen)
    {
        if (judge.Driver.HasNot(Features.RingPacked)) Alignment.Judge(judge, seen, ("descriptor table", 16), ("available ring", 2), ("used ring", 4));
    }

    [Rule("SPLIT-AVAIL-V-01", Needs = Sight.Memory,
        Does = "Compares every value of the available index with the one before.",
        Reading = "It goes on, by no more than there are descriptors: modulo 65536 a larger step is one back.")]
    public static void The_available_index_never_goes_back(Judge judge, Observation seen)
    {
        var last = judge.Keep<Dictionary<int, ushort>>();
        switch (seen)
        {
            case RingLaidOut ring:
                last[ring.Queue] = 0;
                break;
            case RingWritten { Field: RingField.AvailIndex } written when last.TryGetValue(written.Queue, out var before):
                var most = judge.Driver.Queue(written.Queue).Size ?? ushort.MaxValue / 2;
                judge.That((ushort)(written.Value - before) <= most, $"an available index of {before} to {(ushort)(before + most)} on queue {written.Queue}", $"{written.Value}");
                last[written.Queue] = written.Value;
                break;
        }
    }

    [Rule("SPLIT-SUPPLY-V-01", Also = ["SPLIT-SUPPLY-V-02", "SPLIT-SUPPLY-V-03"], Needs = Sight.Memory | Sight.Registers,
        Does = "Whenever the available index moves, looks which entries of the available ring were written since it moved last.",
        Reading = "One entry or many, as the driver likes: those at the indices that are counted now, modulo the queue size.")]
    public static void The_available_index_counts_the_entries_that_were_put_into_the_ring(Judge judge, Observation seen)
    {
        var state = judge.Keep<Dictionary<int, (ushort Index, HashSet<int> Written)>>();
        switch (seen)
        {
            case RingLaidOut ring:
                state[ring.Queue] = (0, []);
                break;
            case RingWritten { Field: RingField.AvailEntry } entry when state.TryGetValue(entry.Queue, out var ring):
                ring.Written.Add(entry.Index);
                break;
            case RingWritten { Field: RingField.AvailIndex } moved when state.TryGetValue(moved.Queue, out var ring) && judge.Driver.Queue(moved.Queue).Size is > 0 and var size:
                var counted = (ushort)(moved.Value - ring.Index);
                state[moved.Queue] = (moved.Value, []);
                if (counted == 0 || counted > size) break;
                var missing = Enumerable.Range(ring.Index, counted).Select(index => (int)((ushort)index % size)).FirstOrDefault(slot => !ring.Written.Contains(slot), -1);
                judge.That(missing < 0, $"entries of indices {ring.Index} to {(ushort)(moved.Value - 1)} written before queue {moved.Queue} counts them", $"entry {missing} was not");
                if (counted > 1) judge.Allowed("several chains with one update of the index");
                break;
        }
    }
}

/// <summary>Whether the parts of a queue are where they may be.</summary>
internal static class Alignment
{
    /// <summary>Judges the addresses of a queue that is being enabled.</summary>
    public static void Judge(Judge judge, QueueWritten seen, (string Name, ulong Multiple) descriptors, (string Name, ulong Multiple) driver, (string Name, ulong Multiple) device)
    {
        if (seen is not { Field: QueueField.Enable, Value: not 0 }) return;
        var queue = judge.Driver.Queue(seen.Queue);
        Part(queue.Address(QueueField.DescriptorsLow, QueueField.DescriptorsHigh), descriptors);
        Part(queue.Address(QueueField.DriverLow, QueueField.DriverHigh), driver);
        Part(queue.Address(QueueField.DeviceLow, QueueField.DeviceHigh), device);

        void Part(ulong? address, (string Name, ulong Multiple) part)
        {
            if (address is { } at) judge.That(at % part.Multiple == 0, $"the {part.Name} of queue {seen.Queue} at a multiple of {part.Multiple}", $"0x{at:x}");
        }
    }
}
