using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;

namespace Viommu.Conformance.Checks.Core;

/// <summary>A mistake of the driver on the request queue, after which a device cannot know what the driver meant.</summary>
internal sealed class RingError
{
    private readonly Action<IommuDriver> commit;

    private RingError(string name, Action<IommuDriver> commit)
    {
        Name = name;
        this.commit = commit;
    }

    /// <summary>A chain of two descriptors, each of which is followed by the other.</summary>
    public static RingError Loop { get; } = new("a descriptor chain that loops", driver =>
    {
        var queue = driver.Requests;
        var slots = queue.TakeSlots(2);
        var buffer = driver.Machine.Heap.AllocateZeroed(64, 16);
        queue.WriteDescriptor(slots[0], new Descriptor(buffer, 8, DescriptorFlags.Next, slots[1]));
        queue.WriteDescriptor(slots[1], new Descriptor(buffer, 8, DescriptorFlags.Next, slots[0]));
        queue.MakeAvailable(slots[0]);
    });

    /// <summary>A head that the descriptor table does not have.</summary>
    public static RingError HeadOutsideTable { get; } = new("an available head outside the descriptor table", driver => driver.Requests.MakeAvailable(driver.Requests.Size));

    /// <summary>A device-readable buffer in the last page of the address space, where no machine has memory.</summary>
    public static RingError UnreachableBuffer { get; } = new("a buffer at an address without memory", driver =>
    {
        var queue = driver.Requests;
        var slots = queue.TakeSlots(2);
        var tail = driver.Machine.Heap.AllocateZeroed(16, 16);
        queue.WriteDescriptor(slots[0], new Descriptor(0xffff_ffff_ffff_f000, 20, DescriptorFlags.Next, slots[1]));
        queue.WriteDescriptor(slots[1], new Descriptor(tail, 4, DescriptorFlags.Write, 0));
        queue.MakeAvailable(slots[0]);
    });

    /// <summary>All of them.</summary>
    public static IReadOnlyList<RingError> All { get; } = [Loop, HeadOutsideTable, UnreachableBuffer];

    public string Name { get; }

    /// <summary>Makes the mistake, notifies the device of it, and lets the device do what it is going to do.</summary>
    public void Commit(IommuDriver driver)
    {
        driver.Machine.Journal.Add($"request queue: {Name}");
        commit(driver);
        driver.NotifyRequests();
        driver.Machine.Target.Settle();
    }
}
