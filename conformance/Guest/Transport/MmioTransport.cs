using Viommu.Guest.Targets;

namespace Viommu.Guest.Transport;

/// <summary>Virtio over MMIO, version 2 (4.2).</summary>
public sealed class MmioTransport : MmioRegisters
{
    internal MmioTransport(ITarget target, ulong address) : base(target, address)
    {
    }

    /// <inheritdoc/>
    public override bool IsLegacy => false;

    /// <inheritdoc/>
    public override int? LegacyQueueAlignment => null;

    /// <inheritdoc/>
    public override ulong ReadDeviceFeatures() => ReadDeviceFeatures(0) | (ulong)ReadDeviceFeatures(1) << 32;

    /// <inheritdoc/>
    public override void WriteDriverFeatures(ulong features)
    {
        WriteDriverFeatures(0, (uint)features);
        WriteDriverFeatures(1, (uint)(features >> 32));
    }

    /// <inheritdoc/>
    public override uint? ReadConfigGeneration() => Read(MmioRegister.ConfigGeneration);

    /// <inheritdoc/>
    public override bool ReadQueueEnable(int queue) => ReadOf(queue, MmioRegister.QueueReady) != 0;

    /// <inheritdoc/>
    public override void EnableQueue(int queue) => WriteOf(queue, MmioRegister.QueueReady, 1);

    /// <inheritdoc/>
    public override void WriteQueueAddresses(int queue, QueueAddresses addresses)
    {
        WriteOf(queue, MmioRegister.QueueDescLow, (uint)addresses.Descriptors);
        Write(MmioRegister.QueueDescHigh, (uint)(addresses.Descriptors >> 32));
        Write(MmioRegister.QueueDriverLow, (uint)addresses.Driver);
        Write(MmioRegister.QueueDriverHigh, (uint)(addresses.Driver >> 32));
        Write(MmioRegister.QueueDeviceLow, (uint)addresses.Device);
        Write(MmioRegister.QueueDeviceHigh, (uint)(addresses.Device >> 32));
    }

    /// <summary>
    /// Stops using a queue (4.2.2.2): writes 0 to its QueueReady and reads that back; false where it does not read 0.
    /// </summary>
    public bool StopQueue(int queue)
    {
        WriteOf(queue, MmioRegister.QueueReady, 0);
        return Read(MmioRegister.QueueReady) == 0;
    }

    /// <inheritdoc/>
    public override void ResetQueue(int queue) => WriteOf(queue, MmioRegister.QueueReset, 1);

    /// <inheritdoc/>
    public override bool ReadQueueReset(int queue) => ReadOf(queue, MmioRegister.QueueReset) != 0;
}
