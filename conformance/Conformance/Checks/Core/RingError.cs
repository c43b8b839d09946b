using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;

namespace Viommu.Conformance.Checks.Core;

/// <summary>A mistake of the driver on the request queue, after which a device cannot know what the driver meant.</summary>
internal sealed class RingError
{
    private readonly Action<IommuDriver, SplitQueue> split;
    private readonly Action<IommuDriver, PackedQueue>? packed;

    private RingError(string name, Action<IommuDriver, SplitQueue> split, Action<IommuDriver, PackedQueue>? packed)
    {
        Name = name;
        this.split = split;
        this.packed = packed;
    }

    /// <summary>A chain of two descriptors, each of which is followed by the other; a packed ring full of descriptors that are all followed by the next.</summary>
    public static RingError Loop { get; } = new("a descriptor chain that loops",
        (driver, queue) =>
        {
            var slots = queue.TakeSlots(2);
            var buffer = driver.Machine.Heap.AllocateZeroed(64, 16);
            queue.WriteDescriptor(slots[0], new Descriptor(buffer, 8, DescriptorFlags.Next, slots[1]));
            queue.WriteDescriptor(slots[1], new Descriptor(buffer, 8, DescriptorFlags.Next, slots[0]));
            queue.MakeAvailable(slots[0]);
        },
        (driver, queue) =>
        {
            var buffer = driver.Machine.Heap.AllocateZeroed(64, 16);
            queue.MakeAvailable([.. Enumerable.Repeat(new PackedDescriptor(buffer, 8, 0, DescriptorFlags.Next), queue.Size)]);
        });

    /// <summary>A head that the descriptor table does not have; packed rings have no heads.</summary>
    public static RingError HeadOutsideTable { get; } = new("an available head outside the descriptor table", (_, queue) => queue.MakeAvailable(queue.Size), null);

    /// <summary>A device-readable buffer in the last page of the address space, where no machine has memory.</summary>
    public static RingError UnreachableBuffer { get; } = new("a buffer at an address without memory", LendUnreachable, LendUnreachable);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<RingError> All { get; } = [Loop, HeadOutsideTable, UnreachableBuffer];

    public string Name { get; }

    /// <summary>Whether the mistake can be made on the kind of ring that a driver uses.</summary>
    public bool IsPossible(IommuDriver driver) => driver.Requests is SplitQueue || packed is not null;

    /// <summary>Makes the mistake, notifies the device of it, and lets the device do what it is going to do.</summary>
    public void Commit(IommuDriver driver)
    {
        driver.Machine.Journal.Add($"request queue: {Name}");
        if (driver.Requests is SplitQueue queue) split(driver, queue);
        else if (driver.Requests is PackedQueue ring && packed is not null) packed(driver, ring);
        else throw new InvalidOperationException($"{Name} cannot be made on this kind of ring");
        driver.NotifyRequests();
        driver.Machine.Target.Settle();
    }

    private static void LendUnreachable(IommuDriver driver, DriverQueue queue)
    {
        var tail = driver.Machine.Heap.AllocateZeroed(16, 16);
        queue.Lend([new BufferElement(0xffff_ffff_ffff_f000, 20, IsWritable: false), new BufferElement(tail, 4, IsWritable: true)]);
    }
}
