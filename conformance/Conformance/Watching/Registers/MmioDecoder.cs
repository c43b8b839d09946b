using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Registers;

/// <summary>The registers of virtio-mmio, version 2 (4.2.2) and version 1 (4.2.4).</summary>
internal sealed class MmioDecoder : IRegisterDecoder
{
    private static readonly Dictionary<uint, QueueField> QueueRegisters = new()
    {
        [MmioRegister.QueueSizeMax] = QueueField.SizeMax,
        [MmioRegister.QueueSize] = QueueField.Size,
        [MmioRegister.QueueAlign] = QueueField.Align,
        [MmioRegister.QueuePfn] = QueueField.PageNumber,
        [MmioRegister.QueueReady] = QueueField.Enable,
        [MmioRegister.QueueDescLow] = QueueField.DescriptorsLow,
        [MmioRegister.QueueDescHigh] = QueueField.DescriptorsHigh,
        [MmioRegister.QueueDriverLow] = QueueField.DriverLow,
        [MmioRegister.QueueDriverHigh] = QueueField.DriverHigh,
        [MmioRegister.QueueDeviceLow] = QueueField.DeviceLow,
        [MmioRegister.QueueDeviceHigh] = QueueField.DeviceHigh,
        [MmioRegister.QueueReset] = QueueField.Reset,
    };

    private uint offeredSelect;
    private uint acceptedSelect;
    private int queueSelect;

    public IEnumerable<Observation> Decode(RegisterAccess access)
    {
        if (access.Space != RegisterSpace.Mmio) return [];
        if (access.Offset >= MmioRegister.Config)
        {
            var offset = access.Offset - MmioRegister.Config;
            return [access.IsWrite ? new ConfigWritten(offset, access.Width, access.Value) : new ConfigRead(offset, access.Width, access.Value)];
        }
        return access.Width == 4 && Register(access.Offset, (uint)access.Value, access.IsWrite) is { } seen ? [seen] : [];
    }

    private Observation? Register(uint offset, uint value, bool isWrite)
    {
        if (QueueRegisters.TryGetValue(offset, out var field)) return isWrite ? new QueueWritten(queueSelect, field, value) : new QueueRead(queueSelect, field, value);
        switch (offset)
        {
            case MmioRegister.Status:
                return isWrite ? new StatusWritten((DeviceStatus)value) : new StatusRead((DeviceStatus)value);
            case MmioRegister.DeviceFeatures when !isWrite:
                return new OfferedFeaturesRead(offeredSelect, value);
            case MmioRegister.DriverFeatures when isWrite:
                return new AcceptedFeaturesWritten(acceptedSelect, value);
            case MmioRegister.ConfigGeneration when !isWrite:
                return new GenerationRead(value);
            case MmioRegister.InterruptStatus when !isWrite:
                return new InterruptStatusRead(value);
            case MmioRegister.InterruptAck when isWrite:
                return new InterruptAcknowledged(value);
            case MmioRegister.QueueNotify when isWrite:
                return new Doorbell((ushort)value, 0, 4, value);
            case MmioRegister.DeviceFeaturesSel when isWrite:
                offeredSelect = value;
                return null;
            case MmioRegister.DriverFeaturesSel when isWrite:
                acceptedSelect = value;
                return null;
            case MmioRegister.QueueSel when isWrite:
                queueSelect = (int)value;
                return null;
            default:
                return null;
        }
    }
}
