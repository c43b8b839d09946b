using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Registers;

/// <summary>The structures of modern PCI (4.1.4).</summary>
internal sealed class PciDecoder(DriverHistory driver) : IRegisterDecoder
{
    private static readonly Dictionary<uint, (int Width, QueueField? Queue)> Common = new()
    {
        [CommonField.DeviceFeatureSelect.Offset] = (4, null),
        [CommonField.DeviceFeature.Offset] = (4, null),
        [CommonField.DriverFeatureSelect.Offset] = (4, null),
        [CommonField.DriverFeature.Offset] = (4, null),
        [CommonField.ConfigMsixVector.Offset] = (2, null),
        [CommonField.NumQueues.Offset] = (2, null),
        [CommonField.DeviceStatus.Offset] = (1, null),
        [CommonField.ConfigGeneration.Offset] = (1, null),
        [CommonField.QueueSelect.Offset] = (2, null),
        [CommonField.QueueSize.Offset] = (2, QueueField.Size),
        [CommonField.QueueMsixVector.Offset] = (2, QueueField.MsixVector),
        [CommonField.QueueEnable.Offset] = (2, QueueField.Enable),
        [CommonField.QueueNotifyOff.Offset] = (2, QueueField.NotifyOffset),
        [CommonField.QueueDescLow.Offset] = (4, QueueField.DescriptorsLow),
        [CommonField.QueueDescHigh.Offset] = (4, QueueField.DescriptorsHigh),
        [CommonField.QueueDriverLow.Offset] = (4, QueueField.DriverLow),
        [CommonField.QueueDriverHigh.Offset] = (4, QueueField.DriverHigh),
        [CommonField.QueueDeviceLow.Offset] = (4, QueueField.DeviceLow),
        [CommonField.QueueDeviceHigh.Offset] = (4, QueueField.DeviceHigh),
        [CommonField.QueueNotifConfigData.Offset] = (2, QueueField.NotifConfigData),
        [CommonField.QueueReset.Offset] = (2, QueueField.Reset),
    };

    private uint offeredSelect;
    private uint acceptedSelect;
    private int queueSelect;

    public IEnumerable<Observation> Decode(RegisterAccess access) => access.Space switch
    {
        RegisterSpace.PciCommon => SplitAccess.Parts(access, offset => Common.TryGetValue(offset, out var field) ? field.Width : null)
            .Select(part => Register(part.Offset, part.Value, access.IsWrite)).OfType<Observation>(),
        RegisterSpace.PciDevice when access.IsWrite => [new ConfigWritten(access.Offset, access.Width, access.Value)],
        RegisterSpace.PciDevice => [new ConfigRead(access.Offset, access.Width, access.Value)],
        RegisterSpace.PciIsr when !access.IsWrite && access.Offset == 0 => [new InterruptStatusRead((byte)access.Value)],
        RegisterSpace.PciNotify when access.IsWrite => [new Doorbell(QueueOf(access.Value), access.Offset, access.Width, access.Value)],
        _ => [],
    };

    private Observation? Register(uint offset, ulong value, bool isWrite)
    {
        if (Common[offset].Queue is { } field) return isWrite ? new QueueWritten(queueSelect, field, value) : new QueueRead(queueSelect, field, value);
        if (offset == CommonField.DeviceStatus.Offset) return isWrite ? new StatusWritten((DeviceStatus)value) : new StatusRead((DeviceStatus)value);
        if (offset == CommonField.DeviceFeature.Offset) return isWrite ? null : new OfferedFeaturesRead(offeredSelect, (uint)value);
        if (offset == CommonField.DriverFeature.Offset) return isWrite ? new AcceptedFeaturesWritten(acceptedSelect, (uint)value) : null;
        if (offset == CommonField.ConfigGeneration.Offset) return isWrite ? null : new GenerationRead((uint)value);
        if (!isWrite) return null;
        if (offset == CommonField.DeviceFeatureSelect.Offset) offeredSelect = (uint)value;
        else if (offset == CommonField.DriverFeatureSelect.Offset) acceptedSelect = (uint)value;
        else if (offset == CommonField.QueueSelect.Offset) queueSelect = (int)value;
        return null;
    }

    // 4.1.5.2: the low 16 bits name the queue, with NOTIF_CONFIG_DATA by what the device gave for it.
    private int QueueOf(ulong value)
    {
        var name = (ushort)value;
        if (!driver.Has(Features.NotifConfigData)) return name;
        return driver.Queues.FirstOrDefault(queue => queue.Read(QueueField.NotifConfigData) == name)?.Number ?? name;
    }
}
