using Viommu.Conformance.Checks.Mmio;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Checks.Legacy;

/// <summary>The request queue of a device that was just reset, placed over virtio-mmio version 1 as 4.2.4 says.</summary>
internal static class HandmadeLegacyQueue
{
    /// <summary>Initialises the device by hand, with its request queue alone, which starts at a multiple of <paramref name="alignment"/> and of 4096.</summary>
    public static HandmadeQueue Over(CheckContext check, LegacyMmioTransport mmio, ushort size, int alignment, int pageSize)
    {
        const int Queue = IommuDriver.RequestQueueNumber;
        var features = check.Acceptable(Features.AcceptedByDefault & ~Features.EventIdx);
        Negotiation.Begin(check.Machine);
        Negotiation.Offer(check.Machine, features);

        var rings = new SplitQueue(check.Machine.Target.Ram, check.Machine.Heap, Queue, size, features, alignment);
        var page = (uint)(rings.Addresses.Descriptors / (ulong)pageSize);
        check.Machine.Journal.Add($"GuestPageSize {pageSize}, queue {Queue}: QueueSize {size}, QueueAlign {alignment}, QueuePFN 0x{page:x}");
        mmio.Write(MmioRegister.GuestPageSize, (uint)pageSize);
        MmioDevice.WriteOf(mmio, Queue, MmioRegister.QueueSize, size);
        mmio.Write(MmioRegister.QueueAlign, (uint)alignment);
        mmio.Write(MmioRegister.QueuePfn, page);
        Negotiation.SetDriverOk(check.Machine);
        return new HandmadeQueue(check.Machine, rings);
    }
}
