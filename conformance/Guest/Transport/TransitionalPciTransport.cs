using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Transport;

/// <summary>
/// A transitional PCI device through its legacy interface (4.1.4.10), for a guest whose native byte order is little-endian. The spec
/// gives a virtio-iommu no transitional PCI device ID, so a device like this is an extension of it.
/// </summary>
public sealed class TransitionalPciTransport : IVirtioTransport
{
    private readonly ITarget target;
    private readonly MsixTable? msix;
    private readonly ushort io;
    private readonly Dictionary<int, uint> pages = [];
    private NotificationMode mode;

    private TransitionalPciTransport(ITarget target, PciFunction function, ushort io)
    {
        this.target = target;
        this.io = io;
        Function = function;
        msix = MsixTable.Find(target, function);
    }

    /// <summary>The function's configuration space.</summary>
    public PciFunction Function { get; }

    /// <inheritdoc/>
    public bool IsLegacy => true;

    /// <inheritdoc/>
    public int? LegacyQueueAlignment => LegacyInterface.PageSize;

    /// <inheritdoc/>
    /// <remarks>There was no mechanism to negotiate the queue size (4.1.5.1.3.1).</remarks>
    public bool CanSizeQueues => false;

    /// <inheritdoc/>
    public bool HasMessages => msix is not null;

    private ushort ConfigStart => mode == NotificationMode.Messages ? LegacyHeader.EndWithMsix : LegacyHeader.EndWithoutMsix;

    /// <summary>Places the function's BARs; throws <see cref="GuestSetupException"/> where BAR0 is no I/O region.</summary>
    public static TransitionalPciTransport Open(ITarget target, PciFunction function)
    {
        function.PlaceBars(target.BarWindow, target.IoWindow);
        var io = function.IoBarAddress(0) ?? throw new GuestSetupException($"BAR0 of {function.Address} is no I/O region, so it has no legacy interface");
        var transport = new TransitionalPciTransport(target, function, io);

        // MSI-X enabled moves the device configuration: it has to be known from the start.
        transport.msix?.Route(null);
        return transport;
    }

    /// <summary>Reads a field of the legacy configuration structure.</summary>
    public uint Read(LegacyHeader field) => target.IoRead((ushort)(io + field.Offset), field.Width);

    /// <summary>Writes a field of the legacy configuration structure.</summary>
    public void Write(LegacyHeader field, uint value) => target.IoWrite((ushort)(io + field.Offset), field.Width, value);

    /// <inheritdoc/>
    public DeviceStatus ReadStatus() => (DeviceStatus)Read(LegacyHeader.DeviceStatus);

    /// <inheritdoc/>
    public void WriteStatus(DeviceStatus status) => Write(LegacyHeader.DeviceStatus, (byte)status);

    /// <inheritdoc/>
    public ulong ReadDeviceFeatures() => Read(LegacyHeader.DeviceFeatures);

    /// <inheritdoc/>
    public void WriteDriverFeatures(ulong features) => Write(LegacyHeader.DriverFeatures, LegacyInterface.Word(features));

    /// <inheritdoc/>
    public uint? ReadConfigGeneration() => null;

    /// <inheritdoc/>
    /// <remarks>An I/O port access has 4 bytes at most, so 8 are two of them.</remarks>
    public ulong ReadConfig(int offset, int width)
    {
        var at = (ushort)(io + ConfigStart + offset);
        return width == 8 ? target.IoRead(at, 4) | (ulong)target.IoRead((ushort)(at + 4), 4) << 32 : target.IoRead(at, width);
    }

    /// <inheritdoc/>
    public void WriteConfig(int offset, int width, ulong value)
    {
        var at = (ushort)(io + ConfigStart + offset);
        target.IoWrite(at, Math.Min(width, 4), (uint)value);
        if (width == 8) target.IoWrite((ushort)(at + 4), 4, (uint)(value >> 32));
    }

    /// <inheritdoc/>
    public ushort ReadQueueSize(int queue)
    {
        Select(queue);
        return (ushort)Read(LegacyHeader.QueueSize);
    }

    /// <inheritdoc/>
    public void WriteQueueSize(int queue, ushort size) => throw new InvalidOperationException("the legacy interface of PCI has no way to set a queue's size");

    /// <inheritdoc/>
    public bool ReadQueueEnable(int queue)
    {
        Select(queue);
        return Read(LegacyHeader.QueueAddress) != 0;
    }

    /// <inheritdoc/>
    public void WriteQueueAddresses(int queue, QueueAddresses addresses) => pages[queue] = LegacyInterface.PageOf(addresses);

    /// <inheritdoc/>
    public void EnableQueue(int queue)
    {
        Select(queue);
        Write(LegacyHeader.QueueAddress, pages[queue]);
    }

    /// <inheritdoc/>
    public void ResetQueue(int queue) => throw LegacyInterface.NoQueueReset();

    /// <inheritdoc/>
    public bool ReadQueueReset(int queue) => throw LegacyInterface.NoQueueReset();

    /// <inheritdoc/>
    public void Notify(int queue) => Write(LegacyHeader.QueueNotify, (ushort)queue);

    /// <inheritdoc/>
    public void Notify(int queue, ushort position) => throw new InvalidOperationException("NOTIFICATION_DATA is bit 38, which a legacy interface does not have");

    /// <inheritdoc/>
    public bool RouteNotifications(NotificationMode mode, ulong messageArea)
    {
        if (mode == NotificationMode.Messages && msix is null) return false;
        this.mode = mode;
        var command = Function.Command;
        Function.Command = mode == NotificationMode.Line ? command & ~PciCommand.InterruptDisable : command | PciCommand.InterruptDisable;
        msix?.Route(mode == NotificationMode.Messages ? messageArea : null);
        if (mode == NotificationMode.Messages && !TryAssignVectors()) return false;

        // A level left from before must not be taken for a notification of now.
        Read(LegacyHeader.IsrStatus);
        return true;
    }

    /// <inheritdoc/>
    public Notifications TakeNotifications() =>
        mode == NotificationMode.Messages ? msix!.Take() : (Notifications)(Read(LegacyHeader.IsrStatus) & 3);

    // What was mapped has to be read back: the device can fail to (4.1.5.1.2).
    private bool TryAssignVectors()
    {
        Write(LegacyHeader.ConfigMsixVector, MsixTable.ConfigVector);
        var mapped = Read(LegacyHeader.ConfigMsixVector) == MsixTable.ConfigVector;
        for (var queue = 0; ReadQueueSize(queue) != 0; queue++)
        {
            Write(LegacyHeader.QueueMsixVector, MsixTable.QueueVector);
            mapped &= Read(LegacyHeader.QueueMsixVector) == MsixTable.QueueVector;
        }
        return mapped;
    }

    private void Select(int queue) => Write(LegacyHeader.QueueSelect, (ushort)queue);
}
