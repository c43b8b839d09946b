using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Transport;

/// <summary>What both versions of virtio-mmio have in common (4.2).</summary>
public abstract class MmioRegisters : IVirtioTransport
{
    private const uint Magic = 0x7472_6976;
    private const uint IommuDeviceId = 23;

    private readonly ITarget target;
    private readonly ulong address;

    private protected MmioRegisters(ITarget target, ulong address)
    {
        this.target = target;
        this.address = address;
    }

    /// <inheritdoc/>
    public abstract bool IsLegacy { get; }

    /// <inheritdoc/>
    public abstract int? LegacyQueueAlignment { get; }

    /// <inheritdoc/>
    public bool CanSizeQueues => true;

    /// <inheritdoc/>
    public bool HasMessages => false;

    /// <summary>
    /// The device at <paramref name="address"/>, version 1 or 2 as it says of itself (4.2.3.1.1); throws <see cref="GuestSetupException"/>
    /// where there is no virtio-iommu, as <see cref="NoDeviceException"/> where the place is kept free for a device (DeviceID 0).
    /// </summary>
    public static MmioRegisters Open(ITarget target, ulong address)
    {
        var magic = (uint)target.MmioRead(address + MmioRegister.MagicValue, 4);
        if (magic != Magic) throw new GuestSetupException($"no virtio-mmio device at 0x{address:x}: MagicValue is 0x{magic:x8}");
        var version = (uint)target.MmioRead(address + MmioRegister.Version, 4);
        if (version is not (1 or 2)) throw new GuestSetupException($"the virtio-mmio device at 0x{address:x} has the unknown Version {version}");
        var id = (uint)target.MmioRead(address + MmioRegister.DeviceId, 4);
        if (id == 0) throw new NoDeviceException($"the virtio-mmio registers at 0x{address:x} have no device behind them");
        if (id != IommuDeviceId) throw new GuestSetupException($"the virtio-mmio device at 0x{address:x} has DeviceID {id}, a virtio-iommu has {IommuDeviceId}");
        return version == 2 ? new MmioTransport(target, address) : new LegacyMmioTransport(target, address);
    }

    /// <summary>Reads a control register.</summary>
    public uint Read(uint register) => (uint)target.MmioRead(address + register, 4);

    /// <summary>Writes a control register.</summary>
    public void Write(uint register, uint value) => target.MmioWrite(address + register, 4, value);

    /// <inheritdoc/>
    public DeviceStatus ReadStatus() => (DeviceStatus)Read(MmioRegister.Status);

    /// <inheritdoc/>
    public void WriteStatus(DeviceStatus status) => Write(MmioRegister.Status, (byte)status);

    /// <inheritdoc/>
    public abstract ulong ReadDeviceFeatures();

    /// <inheritdoc/>
    public abstract void WriteDriverFeatures(ulong features);

    /// <inheritdoc/>
    public abstract uint? ReadConfigGeneration();

    /// <inheritdoc/>
    public ulong ReadConfig(int offset, int width) => target.MmioRead(address + MmioRegister.Config + (uint)offset, width);

    /// <inheritdoc/>
    public void WriteConfig(int offset, int width, ulong value) => target.MmioWrite(address + MmioRegister.Config + (uint)offset, width, value);

    /// <inheritdoc/>
    public ushort ReadQueueSize(int queue) => (ushort)Math.Min(ReadOf(queue, MmioRegister.QueueSizeMax), ushort.MaxValue);

    /// <inheritdoc/>
    public void WriteQueueSize(int queue, ushort size) => WriteOf(queue, MmioRegister.QueueSize, size);

    /// <inheritdoc/>
    public abstract bool ReadQueueEnable(int queue);

    /// <inheritdoc/>
    public abstract void EnableQueue(int queue);

    /// <inheritdoc/>
    public abstract void WriteQueueAddresses(int queue, QueueAddresses addresses);

    /// <inheritdoc/>
    public abstract void ResetQueue(int queue);

    /// <inheritdoc/>
    public abstract bool ReadQueueReset(int queue);

    /// <inheritdoc/>
    public void Notify(int queue) => Write(MmioRegister.QueueNotify, (ushort)queue);

    /// <inheritdoc/>
    public void Notify(int queue, ushort position) => Write(MmioRegister.QueueNotify, (uint)position << 16 | (ushort)queue);

    /// <inheritdoc/>
    public bool RouteNotifications(NotificationMode mode, ulong messageArea)
    {
        if (mode == NotificationMode.Messages) return false;

        // A level left from before must not be taken for a notification of now.
        TakeNotifications();
        return true;
    }

    /// <inheritdoc/>
    public Notifications TakeNotifications()
    {
        // 4.2.2.2: undefined bits are ignored, and not set in what is acknowledged.
        var pending = Read(MmioRegister.InterruptStatus) & 3;
        if (pending != 0) Write(MmioRegister.InterruptAck, pending);
        return (Notifications)pending;
    }

    /// <summary>Selects a queue and reads one of its registers.</summary>
    private protected uint ReadOf(int queue, uint register)
    {
        Write(MmioRegister.QueueSel, (ushort)queue);
        return Read(register);
    }

    /// <summary>Selects a queue and writes one of its registers.</summary>
    private protected void WriteOf(int queue, uint register, uint value)
    {
        Write(MmioRegister.QueueSel, (ushort)queue);
        Write(register, value);
    }

    /// <summary>Reads 32 of the bits that the device offers.</summary>
    private protected uint ReadDeviceFeatures(uint word)
    {
        Write(MmioRegister.DeviceFeaturesSel, word);
        return Read(MmioRegister.DeviceFeatures);
    }

    /// <summary>Writes 32 of the bits that the driver accepts.</summary>
    private protected void WriteDriverFeatures(uint word, uint bits)
    {
        Write(MmioRegister.DriverFeaturesSel, word);
        Write(MmioRegister.DriverFeatures, bits);
    }
}
