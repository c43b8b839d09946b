using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Checks.Rings;

/// <summary>Memory for chains that are built by hand, with an account of what the device may write of it.</summary>
internal sealed class Lending(IommuDriver driver)
{
    private readonly List<(ulong Address, int Length)> writable = [];

    public IommuDriver Driver { get; } = driver;

    /// <summary>Where the device may write: what was lent for writing, and its own parts of both queues (2.7, 2.8).</summary>
    public IEnumerable<(ulong Address, int Length)> Writable => writable.Concat(AreasOfDevice());

    /// <summary>A device-readable buffer that holds a request, by default one that is refused and changes nothing.</summary>
    public ulong Readable(Request request) => Holding(request.Encode());

    /// <summary>A buffer of zeroes for the device to read, or to take for a table.</summary>
    public ulong Readable(int length) => Holding(new byte[length]);

    /// <summary>A device-writable buffer.</summary>
    public ulong Lent(int length)
    {
        var at = Holding(new byte[length]);
        writable.Add((at, length));
        return at;
    }

    private ulong Holding(byte[] bytes)
    {
        var at = Driver.Machine.Heap.Allocate((ulong)bytes.Length, 16);
        Driver.Machine.Target.Ram.Write(at, bytes);
        return at;
    }

    // In the event queue no buffer is available, so of its descriptors, if it is packed, the device has none to write.
    private IEnumerable<(ulong Address, int Length)> AreasOfDevice() =>
        from queue in (DriverQueue[])[Driver.Requests, Driver.Events]
        from area in queue.Areas
        where area.Address == queue.Addresses.Device || (queue is PackedQueue && queue == Driver.Requests && area.Address == queue.Addresses.Descriptors)
        select (area.Address, area.Length);
}
