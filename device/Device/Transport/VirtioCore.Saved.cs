using Viommu.Device.Lifecycle;
using Viommu.Device.Virtqueue;
using Viommu.Device.Wire;

namespace Viommu.Device.Transport;

/// <content>Save and restore: the section of the core, followed by those of the device type.</content>
internal sealed partial class VirtioCore
{
    private const DeviceStatus KnownStatus = DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.DriverOk
        | DeviceStatus.FeaturesOk | DeviceStatus.Suspend | DeviceStatus.DeviceNeedsReset | DeviceStatus.Failed;

    private ISavedDevice SavedDevice => _device as ISavedDevice
        ?? throw new NotSupportedException($"{_device.GetType().Name} has no state that can be saved");

    public void Save(StateWriter writer)
    {
        writer.Section("CORE"u8, SaveCore);
        SavedDevice.Save(writer);
    }

    /// <summary>Reads what <see cref="Save"/> wrote, and changes nothing. The action takes it over, without serving a queue.</summary>
    public Action Load(ref StateReader reader)
    {
        reader.Begin("CORE"u8);
        var loadCore = LoadCore(ref reader);
        reader.End();
        var loadDevice = SavedDevice.Load(ref reader);
        return () =>
        {
            loadCore();
            loadDevice();
        };
    }

    private void SaveCore(StateWriter writer)
    {
        writer.U64(OfferedFeatures);
        foreach (ushort size in _device.MaximumQueueSizes) writer.U64(size);
        writer.U8((byte)Status);
        writer.Flag(IsLegacy);
        writer.Flag(_legacyFeaturesWritten);
        writer.U64(DriverFeatures);
        writer.U64((ulong)Negotiated);
        writer.U8(ConfigGeneration);
        writer.Flag(_configChangedSinceRead);
        writer.Flag(_notificationWithheld);
        writer.U8((byte)LastFault);
        foreach (var queue in _queues) queue.Save(writer);
    }

    private Action LoadCore(ref StateReader reader)
    {
        reader.Expect(OfferedFeatures);
        foreach (ushort size in _device.MaximumQueueSizes) reader.Expect(size);
        int start = reader.Position;
        var status = (DeviceStatus)reader.U8();
        if ((status & ~KnownStatus) != 0) reader.Fail(StateFault.Value, start);
        bool isLegacy = reader.Flag();
        bool legacyFeaturesWritten = reader.Flag();
        ulong driverFeatures = reader.U64();
        start = reader.Position;
        ulong negotiated = reader.U64();
        if ((negotiated & ~(isLegacy ? (uint)LegacyFeatures : OfferedFeatures)) != 0) reader.Fail(StateFault.Value, start);
        byte generation = reader.U8();
        bool configChangedSinceRead = reader.Flag();
        bool notificationWithheld = reader.Flag();
        start = reader.Position;
        var fault = (ChainFault)reader.U8();
        if (!Enum.IsDefined(fault)) reader.Fail(StateFault.Value, start);
        var loadQueues = new Action[_queues.Length];
        for (int i = 0; i < loadQueues.Length; i++) loadQueues[i] = _queues[i].Load(ref reader, (VirtioFeatures)negotiated);
        return () =>
        {
            Status = status;
            IsLegacy = isLegacy;
            _legacyFeaturesWritten = legacyFeaturesWritten;
            DriverFeatures = driverFeatures;
            Negotiated = (VirtioFeatures)negotiated;
            ConfigGeneration = generation;
            _configChangedSinceRead = configChangedSinceRead;
            _notificationWithheld = notificationWithheld;
            LastFault = fault;
            foreach (var load in loadQueues) load();
        };
    }
}
