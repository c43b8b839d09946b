using Viommu.Device.Virtqueue;
using Viommu.Device.Wire;
using static Viommu.Device.Wire.MmioLayout;

namespace Viommu.Device.Transport.Mmio;

/// <summary>The registers of section 4.2.2, in the order of its table.</summary>
internal static class MmioModernRegisters
{
    // No device type here has shared memory: section 4.2.2 has such regions read as -1.
    private const uint NoSharedMemory = uint.MaxValue;

    public static IReadOnlyList<MmioRegister> Table { get; } =
    [
        new(MagicValue, "MagicValue", _ => Magic, null),
        new(MmioLayout.Version, "Version", _ => 2, null),
        new(DeviceId, "DeviceID", r => r.DeviceId, null),
        new(VendorId, "VendorID", r => r.VendorId, null),
        new(DeviceFeatures, "DeviceFeatures", r => MmioRegisters.Word(r.Core.OfferedFeatures, r.DeviceFeaturesSel), null),
        new(DeviceFeaturesSel, "DeviceFeaturesSel", null, (r, v) => r.DeviceFeaturesSel = v),
        new(DriverFeatures, "DriverFeatures", null, (r, v) => r.Core.WriteDriverFeatures(r.DriverFeaturesSel, v)),
        new(DriverFeaturesSel, "DriverFeaturesSel", null, (r, v) => r.DriverFeaturesSel = v),
        new(QueueSel, "QueueSel", null, (r, v) => r.QueueSel = v),
        new(QueueSizeMax, "QueueSizeMax", r => r.Core.MaximumQueueSize(r.QueueIndex), null),
        new(QueueSize, "QueueSize", null, (r, v) => WriteSize(r, v)),
        new(QueueReady, "QueueReady", r => r.Queue is { IsEnabled: true } ? 1u : 0u, (r, v) => WriteReady(r, v)),
        new(QueueNotify, "QueueNotify", null, (r, v) => r.Notify(v)),
        new(InterruptStatus, "InterruptStatus", r => r.Interrupts, null),
        new(InterruptAck, "InterruptACK", null, (r, v) => r.Interrupts &= ~v),
        new(Status, "Status", r => (uint)r.Core.Status, (r, v) => WriteStatus(r, v)),
        Low(QueueDescLow, "QueueDescLow", queue => queue.DescriptorArea, (queue, area) => queue.DescriptorArea = area),
        High(QueueDescHigh, "QueueDescHigh", queue => queue.DescriptorArea, (queue, area) => queue.DescriptorArea = area),
        Low(QueueDriverLow, "QueueDriverLow", queue => queue.DriverArea, (queue, area) => queue.DriverArea = area),
        High(QueueDriverHigh, "QueueDriverHigh", queue => queue.DriverArea, (queue, area) => queue.DriverArea = area),
        Low(QueueDeviceLow, "QueueDeviceLow", queue => queue.DeviceArea, (queue, area) => queue.DeviceArea = area),
        High(QueueDeviceHigh, "QueueDeviceHigh", queue => queue.DeviceArea, (queue, area) => queue.DeviceArea = area),
        new(ShmSel, "SHMSel", null, (_, _) => { }),
        new(ShmLenLow, "SHMLenLow", _ => NoSharedMemory, null),
        new(ShmLenHigh, "SHMLenHigh", _ => NoSharedMemory, null),
        new(ShmBaseLow, "SHMBaseLow", _ => NoSharedMemory, null),
        new(ShmBaseHigh, "SHMBaseHigh", _ => NoSharedMemory, null),
        // MMIO-REG-D-11: a queue reset is complete before the next access, so it is never seen going on.
        new(QueueReset, "QueueReset", _ => 0, (r, v) => WriteReset(r, v)),
        new(ConfigGeneration, "ConfigGeneration", r => r.Core.ConfigGeneration, null),
    ];

    /// <summary>Of the 32 bits 8 are defined, and 0 in those means no reset unless all 32 are 0.</summary>
    public static void WriteStatus(MmioRegisters registers, uint value)
    {
        if (value == 0) registers.Core.Reset();
        else if ((byte)value != 0) registers.Core.WriteStatus((DeviceStatus)value);
    }

    /// <summary>A size that does not fit into 16 bits is above every maximum, and not taken over.</summary>
    public static void WriteSize(MmioRegisters registers, uint value)
    {
        if (value <= ushort.MaxValue) registers.DisabledQueue?.TrySetSize((ushort)value);
    }

    // A queue that the driver stops starts over (section 4.2.3.2): zeroed memory, its size and addresses written again.
    private static void WriteReady(MmioRegisters registers, uint value)
    {
        if (registers.Queue is not { } queue) return;
        if (value == 1) queue.Enable();
        else if (value == 0 && queue.IsEnabled) queue.Reset();
    }

    private static void WriteReset(MmioRegisters registers, uint value)
    {
        if (value == 1 && registers.Core.Negotiated.HasFlag(VirtioFeatures.RingReset)) registers.Queue?.Reset();
    }

    private static MmioRegister Low(int offset, string name, Func<DeviceQueue, ulong> get, Action<DeviceQueue, ulong> set) =>
        new(offset, name, null, (r, v) =>
        {
            if (r.DisabledQueue is { } queue) set(queue, (get(queue) & ~0xffff_ffffUL) | v);
        });

    private static MmioRegister High(int offset, string name, Func<DeviceQueue, ulong> get, Action<DeviceQueue, ulong> set) =>
        new(offset, name, null, (r, v) =>
        {
            if (r.DisabledQueue is { } queue) set(queue, (get(queue) & 0xffff_ffffUL) | ((ulong)v << 32));
        });
}
