using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Registers;

/// <summary>The legacy configuration structure in BAR0's I/O region (4.1.4.10); <paramref name="isMsixEnabled"/> tells where device configuration starts.</summary>
internal sealed class LegacyIoDecoder(Func<bool> isMsixEnabled) : IRegisterDecoder
{
    private static readonly Dictionary<uint, (int Width, QueueField? Queue)> Header = new()
    {
        [LegacyHeader.DeviceFeatures.Offset] = (4, null),
        [LegacyHeader.DriverFeatures.Offset] = (4, null),
        [LegacyHeader.QueueAddress.Offset] = (4, QueueField.PageNumber),
        [LegacyHeader.QueueSize.Offset] = (2, QueueField.Size),
        [LegacyHeader.QueueSelect.Offset] = (2, null),
        [LegacyHeader.QueueNotify.Offset] = (2, null),
        [LegacyHeader.DeviceStatus.Offset] = (1, null),
        [LegacyHeader.IsrStatus.Offset] = (1, null),
        [LegacyHeader.ConfigMsixVector.Offset] = (2, null),
        [LegacyHeader.QueueMsixVector.Offset] = (2, QueueField.MsixVector),
    };

    private int queueSelect;

    public IEnumerable<Observation> Decode(RegisterAccess access)
    {
        if (access.Space != RegisterSpace.LegacyIo) return [];
        uint config = isMsixEnabled() ? LegacyHeader.EndWithMsix : LegacyHeader.EndWithoutMsix;
        if (access.Offset >= config)
        {
            var offset = access.Offset - config;
            return [access.IsWrite ? new ConfigWritten(offset, access.Width, access.Value) : new ConfigRead(offset, access.Width, access.Value)];
        }
        return SplitAccess.Parts(access, at => at < config && Header.TryGetValue(at, out var field) ? field.Width : null)
            .Select(part => Register(part.Offset, part.Value, access.IsWrite)).OfType<Observation>();
    }

    private Observation? Register(uint offset, ulong value, bool isWrite)
    {
        if (Header[offset].Queue is { } field) return isWrite ? new QueueWritten(queueSelect, field, value) : new QueueRead(queueSelect, field, value);
        if (offset == LegacyHeader.DeviceStatus.Offset) return isWrite ? new StatusWritten((DeviceStatus)value) : new StatusRead((DeviceStatus)value);
        if (offset == LegacyHeader.DeviceFeatures.Offset) return isWrite ? null : new OfferedFeaturesRead(0, (uint)value);
        if (offset == LegacyHeader.DriverFeatures.Offset) return isWrite ? new AcceptedFeaturesWritten(0, (uint)value) : null;
        if (offset == LegacyHeader.IsrStatus.Offset) return isWrite ? null : new InterruptStatusRead((uint)value);
        if (offset == LegacyHeader.QueueNotify.Offset) return isWrite ? new Doorbell((int)value, 0, 2, value) : null;
        if (offset == LegacyHeader.QueueSelect.Offset && isWrite) queueSelect = (int)value;
        return null;
    }
}
