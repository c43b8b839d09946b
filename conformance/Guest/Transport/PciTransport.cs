using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Transport;

/// <summary>Virtio over PCI, modern interface (4.1).</summary>
public sealed class PciTransport : IVirtioTransport
{
    private readonly ITarget target;
    private readonly VirtioStructures structures;
    private readonly MsixTable? msix;
    private NotificationMode mode;
    private bool namesQueuesByConfigData;

    private PciTransport(ITarget target, PciFunction function, VirtioStructures structures)
    {
        this.target = target;
        this.structures = structures;
        Function = function;
        msix = MsixTable.Find(target, function);
    }

    /// <summary>The function's configuration space.</summary>
    public PciFunction Function { get; }

    /// <summary>Where the function's virtio structures are.</summary>
    public VirtioStructures Structures => structures;

    /// <summary>The MSI-X table; null where the function has none.</summary>
    public MsixTable? Msix => msix;

    /// <inheritdoc/>
    public bool IsLegacy => false;

    /// <inheritdoc/>
    public int? LegacyQueueAlignment => null;

    /// <inheritdoc/>
    public bool CanSizeQueues => true;

    /// <inheritdoc/>
    public bool HasMessages => msix is not null;

    /// <inheritdoc/>
    public uint? ConfigLength => structures.DeviceLength;

    /// <summary>Places the function's BARs and finds its virtio structures.</summary>
    public static PciTransport Open(ITarget target, PciFunction function)
    {
        function.PlaceBars(target.BarWindow, target.IoWindow);
        return new PciTransport(target, function, VirtioStructures.Find(function));
    }

    /// <summary>Reads a field of the common configuration structure.</summary>
    public ulong ReadCommon(CommonField field) => target.MmioRead(structures.Common + field.Offset, field.Width);

    /// <summary>Writes a field of the common configuration structure.</summary>
    public void WriteCommon(CommonField field, ulong value) => target.MmioWrite(structures.Common + field.Offset, field.Width, value);

    /// <inheritdoc/>
    public DeviceStatus ReadStatus() => (DeviceStatus)ReadCommon(CommonField.DeviceStatus);

    /// <inheritdoc/>
    public void WriteStatus(DeviceStatus status) => WriteCommon(CommonField.DeviceStatus, (byte)status);

    /// <inheritdoc/>
    public ulong ReadDeviceFeatures() => ReadFeatures(CommonField.DeviceFeatureSelect, CommonField.DeviceFeature);

    /// <summary>Reads back what the driver accepted.</summary>
    public ulong ReadDriverFeatures() => ReadFeatures(CommonField.DriverFeatureSelect, CommonField.DriverFeature);

    /// <inheritdoc/>
    public void WriteDriverFeatures(ulong features)
    {
        WriteCommon(CommonField.DriverFeatureSelect, 0);
        WriteCommon(CommonField.DriverFeature, (uint)features);
        WriteCommon(CommonField.DriverFeatureSelect, 1);
        WriteCommon(CommonField.DriverFeature, features >> 32);
        namesQueuesByConfigData = (features & Features.NotifConfigData) != 0;
    }

    /// <inheritdoc/>
    public uint? ReadConfigGeneration() => (uint)ReadCommon(CommonField.ConfigGeneration);

    /// <inheritdoc/>
    public ulong ReadConfig(int offset, int width) => target.MmioRead(structures.Device + (uint)offset, width);

    /// <inheritdoc/>
    public void WriteConfig(int offset, int width, ulong value) => target.MmioWrite(structures.Device + (uint)offset, width, value);

    /// <inheritdoc/>
    public ushort ReadQueueSize(int queue) => (ushort)ReadOf(queue, CommonField.QueueSize);

    /// <inheritdoc/>
    public void WriteQueueSize(int queue, ushort size) => WriteOf(queue, CommonField.QueueSize, size);

    /// <inheritdoc/>
    public bool ReadQueueEnable(int queue) => ReadOf(queue, CommonField.QueueEnable) != 0;

    /// <inheritdoc/>
    public void EnableQueue(int queue) => WriteOf(queue, CommonField.QueueEnable, 1);

    /// <inheritdoc/>
    public void WriteQueueAddresses(int queue, QueueAddresses addresses)
    {
        WriteOf(queue, CommonField.QueueDescLow, (uint)addresses.Descriptors);
        WriteCommon(CommonField.QueueDescHigh, addresses.Descriptors >> 32);
        WriteCommon(CommonField.QueueDriverLow, (uint)addresses.Driver);
        WriteCommon(CommonField.QueueDriverHigh, addresses.Driver >> 32);
        WriteCommon(CommonField.QueueDeviceLow, (uint)addresses.Device);
        WriteCommon(CommonField.QueueDeviceHigh, addresses.Device >> 32);
    }

    /// <inheritdoc/>
    public void ResetQueue(int queue) => WriteOf(queue, CommonField.QueueReset, 1);

    /// <inheritdoc/>
    public bool ReadQueueReset(int queue) => ReadOf(queue, CommonField.QueueReset) != 0;

    /// <inheritdoc/>
    public void Notify(int queue) => target.MmioWrite(NotifyAddress(queue), 2, NotifyName(queue));

    /// <inheritdoc/>
    public void Notify(int queue, ushort position) => target.MmioWrite(NotifyAddress(queue), 4, (uint)position << 16 | NotifyName(queue));

    /// <inheritdoc/>
    public bool RouteNotifications(NotificationMode mode, ulong messageArea)
    {
        if (mode == NotificationMode.Messages && msix is null) return false;
        this.mode = mode;
        var command = Function.Command;
        Function.Command = mode == NotificationMode.Line ? command & ~PciCommand.InterruptDisable : command | PciCommand.InterruptDisable;
        msix?.Route(mode == NotificationMode.Messages ? messageArea : null);
        if (msix is not null && !TryAssignVectors(mode == NotificationMode.Messages)) return false;

        // A level left from before must not be taken for a notification of now.
        ReadIsr();
        return true;
    }

    /// <inheritdoc/>
    public Notifications TakeNotifications() => mode == NotificationMode.Messages ? msix!.Take() : ReadIsr();

    /// <summary>Reads, and so clears, the ISR status (4.1.4.5): bit 0 a queue interrupt, bit 1 a configuration interrupt.</summary>
    public Notifications ReadIsr() => (Notifications)(target.MmioRead(structures.Isr, 1) & 3);

    // 4.1.4.4: queue_notify_off times the multiplier, behind the notification structure's start.
    private ulong NotifyAddress(int queue) => structures.Notify + ReadOf(queue, CommonField.QueueNotifyOff) * structures.NotifyMultiplier;

    // 4.1.5.2: the queue's number, or with NOTIF_CONFIG_DATA what the device names it by.
    private ushort NotifyName(int queue) => namesQueuesByConfigData ? (ushort)ReadOf(queue, CommonField.QueueNotifConfigData) : (ushort)queue;

    // The configuration has a vector of its own, all queues share one: with two vectors every device can do that (4.1.5.1.2). What was
    // mapped has to be read back: the device can fail to.
    private bool TryAssignVectors(bool assign)
    {
        var (config, queues) = assign ? (MsixTable.ConfigVector, MsixTable.QueueVector) : (MsixTable.NoVector, MsixTable.NoVector);
        WriteCommon(CommonField.ConfigMsixVector, config);
        var mapped = !assign || ReadCommon(CommonField.ConfigMsixVector) == config;
        for (var queue = 0; queue < (int)ReadCommon(CommonField.NumQueues); queue++)
        {
            if (ReadQueueSize(queue) == 0) continue;
            WriteCommon(CommonField.QueueMsixVector, queues);
            mapped &= !assign || ReadCommon(CommonField.QueueMsixVector) == queues;
        }
        return mapped;
    }

    private ulong ReadOf(int queue, CommonField field)
    {
        WriteCommon(CommonField.QueueSelect, (ushort)queue);
        return ReadCommon(field);
    }

    private void WriteOf(int queue, CommonField field, ulong value)
    {
        WriteCommon(CommonField.QueueSelect, (ushort)queue);
        WriteCommon(field, value);
    }

    private ulong ReadFeatures(CommonField select, CommonField word)
    {
        WriteCommon(select, 0);
        var low = ReadCommon(word);
        WriteCommon(select, 1);
        return ReadCommon(word) << 32 | low;
    }
}
