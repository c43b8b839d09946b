using Viommu.Guest.Targets;

namespace Viommu.Guest.Transport;

/// <summary>Virtio over MMIO, version 1 (4.2.4), for a guest whose native byte order is little-endian.</summary>
public sealed class LegacyMmioTransport : MmioRegisters
{
    private readonly Dictionary<int, uint> pages = [];

    internal LegacyMmioTransport(ITarget target, ulong address) : base(target, address)
    {
    }

    /// <inheritdoc/>
    public override bool IsLegacy => true;

    /// <inheritdoc/>
    public override int? LegacyQueueAlignment => LegacyInterface.PageSize;

    /// <inheritdoc/>
    public override ulong ReadDeviceFeatures() => ReadDeviceFeatures(0);

    /// <inheritdoc/>
    public override void WriteDriverFeatures(ulong features) => WriteDriverFeatures(0, LegacyInterface.Word(features));

    /// <inheritdoc/>
    public override uint? ReadConfigGeneration() => null;

    /// <inheritdoc/>
    public override bool ReadQueueEnable(int queue) => ReadOf(queue, MmioRegister.QueuePfn) != 0;

    /// <inheritdoc/>
    public override void WriteQueueAddresses(int queue, QueueAddresses addresses)
    {
        pages[queue] = LegacyInterface.PageOf(addresses);

        // For every queue anew: it has to be known before the first one is used, and a reset may forget it.
        Write(MmioRegister.GuestPageSize, LegacyInterface.PageSize);
        WriteOf(queue, MmioRegister.QueueAlign, LegacyInterface.PageSize);
    }

    /// <inheritdoc/>
    public override void EnableQueue(int queue) => WriteOf(queue, MmioRegister.QueuePfn, pages[queue]);

    /// <inheritdoc/>
    public override void ResetQueue(int queue) => throw LegacyInterface.NoQueueReset();

    /// <inheritdoc/>
    public override bool ReadQueueReset(int queue) => throw LegacyInterface.NoQueueReset();
}
