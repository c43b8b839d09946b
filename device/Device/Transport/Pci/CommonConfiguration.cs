using Viommu.Device.Lifecycle;
using Viommu.Device.Virtqueue;
using Viommu.Device.Wire;
using static Viommu.Device.Wire.CommonConfigurationLayout;

namespace Viommu.Device.Transport.Pci;

/// <summary>The common configuration structure (section 4.1.4.3): one table, in the order of the spec, for reads and writes.</summary>
internal sealed class CommonConfiguration
{
    private readonly VirtioCore _core;
    private readonly int _msixVectors;
    private readonly ushort[] _queueVectors;

    private uint _deviceFeatureSelect;
    private uint _driverFeatureSelect;
    private ushort _queueSelect;

    public CommonConfiguration(VirtioCore core, int msixVectors)
    {
        _core = core;
        _msixVectors = msixVectors;
        _queueVectors = new ushort[core.QueueCount];
        Reset();
    }

    public static IReadOnlyList<Register> Registers { get; } =
    [
        new(DeviceFeatureSelect, 4, "device_feature_select", c => c._deviceFeatureSelect, (c, v) => c._deviceFeatureSelect = v),
        new(DeviceFeature, 4, "device_feature", c => Word(c._core.OfferedFeatures, c._deviceFeatureSelect), null),
        new(DriverFeatureSelect, 4, "driver_feature_select", c => c._driverFeatureSelect, (c, v) => c._driverFeatureSelect = v),
        new(DriverFeature, 4, "driver_feature", c => Word(c._core.DriverFeatures, c._driverFeatureSelect), (c, v) => c.WriteFeatures(v)),
        new(ConfigMsixVector, 2, "config_msix_vector", c => c.ConfigVector, (c, v) => c.ConfigVector = c.Valid(v)),
        new(NumQueues, 2, "num_queues", c => (uint)c._core.QueueCount, null),
        new(CommonConfigurationLayout.DeviceStatus, 1, "device_status", c => (uint)c._core.Status, (c, v) => c.WriteStatus(v)),
        new(ConfigGeneration, 1, "config_generation", c => c._core.ConfigGeneration, null),
        new(QueueSelect, 2, "queue_select", c => c._queueSelect, (c, v) => c._queueSelect = (ushort)v),
        new(QueueSize, 2, "queue_size", c => c.Queue?.Size ?? 0u, (c, v) => c.DisabledQueue?.TrySetSize((ushort)v)),
        new(QueueMsixVector, 2, "queue_msix_vector", c => c.SelectedVector, (c, v) => c.SelectedVector = c.Valid(v)),
        new(QueueEnable, 2, "queue_enable", c => c.Queue is { IsEnabled: true } ? 1u : 0u, (c, v) => c.WriteEnable(v)),
        new(QueueNotifyOff, 2, "queue_notify_off", c => c.Queue is null ? 0u : c._queueSelect, null),
        Low(QueueDescLow, "queue_desc", queue => queue.DescriptorArea, (queue, area) => queue.DescriptorArea = area),
        High(QueueDescHigh, "queue_desc", queue => queue.DescriptorArea, (queue, area) => queue.DescriptorArea = area),
        Low(QueueDriverLow, "queue_driver", queue => queue.DriverArea, (queue, area) => queue.DriverArea = area),
        High(QueueDriverHigh, "queue_driver", queue => queue.DriverArea, (queue, area) => queue.DriverArea = area),
        Low(QueueDeviceLow, "queue_device", queue => queue.DeviceArea, (queue, area) => queue.DeviceArea = area),
        High(QueueDeviceHigh, "queue_device", queue => queue.DeviceArea, (queue, area) => queue.DeviceArea = area),
        new(QueueNotifConfigData, 2, "queue_notif_config_data", c => c.Queue is null ? 0u : c._queueSelect, null),
        // A queue reset is complete before the next access, so it is never seen going on.
        new(QueueReset, 2, "queue_reset", _ => 0, (c, v) => c.WriteReset(v)),
        // VIRTIO_F_ADMIN_VQ is not offered.
        new(AdminQueueIndex, 2, "admin_queue_index", _ => 0, null),
        new(AdminQueueNum, 2, "admin_queue_num", _ => 0, null),
    ];

    /// <summary>The vector of configuration changes, or NO_VECTOR.</summary>
    public ushort ConfigVector { get; private set; }

    private static Register?[] ByOffset { get; } = Index();

    private DeviceQueue? Queue => _core.Queue(_queueSelect);

    // The driver configures a queue before it enables it; what it writes later is not looked at.
    private DeviceQueue? DisabledQueue => Queue is { IsEnabled: false } queue ? queue : null;

    private ushort SelectedVector
    {
        get => Queue is null ? NoVector : _queueVectors[_queueSelect];
        set
        {
            if (Queue is not null) _queueVectors[_queueSelect] = value;
        }
    }

    /// <summary>The vector of a queue, or NO_VECTOR.</summary>
    public ushort QueueVector(int queue) => _queueVectors[queue];

    /// <summary>Reads a register; another width or place than the table's reads as 0.</summary>
    public ulong Read(int offset, int width)
    {
        if (width == 8) return IsWide(offset) ? Read(offset, 4) | (Read(offset + 4, 4) << 32) : 0;
        return ByOffset[offset] is { } register && register.Width == width ? register.Read(this) : 0;
    }

    /// <summary>Writes a register; another width or place than the table's is ignored.</summary>
    public void Write(int offset, int width, ulong value)
    {
        if (width == 8 && IsWide(offset))
        {
            Write(offset, 4, (uint)value);
            Write(offset + 4, 4, value >> 32);
        }
        else if (ByOffset[offset] is { } register && register.Width == width)
        {
            register.Write?.Invoke(this, (uint)value);
        }
    }

    /// <summary>PCI-MSIX-D-07: after reset every event is unmapped.</summary>
    public void Reset()
    {
        _deviceFeatureSelect = _driverFeatureSelect = 0;
        _queueSelect = 0;
        ConfigVector = NoVector;
        _queueVectors.AsSpan().Fill(NoVector);
    }

    public void Save(StateWriter writer)
    {
        writer.U64((ulong)_msixVectors);
        writer.U32(_deviceFeatureSelect);
        writer.U32(_driverFeatureSelect);
        writer.U16(_queueSelect);
        writer.U16(ConfigVector);
        foreach (ushort vector in _queueVectors) writer.U16(vector);
    }

    /// <summary>Reads what <see cref="Save"/> wrote; the action takes it over.</summary>
    public Action Load(ref StateReader reader)
    {
        reader.Expect((ulong)_msixVectors);
        uint deviceFeatureSelect = reader.U32();
        uint driverFeatureSelect = reader.U32();
        ushort queueSelect = reader.U16();
        ushort configVector = LoadVector(ref reader);
        var queueVectors = new ushort[_queueVectors.Length];
        for (int i = 0; i < queueVectors.Length; i++) queueVectors[i] = LoadVector(ref reader);
        return () =>
        {
            _deviceFeatureSelect = deviceFeatureSelect;
            _driverFeatureSelect = driverFeatureSelect;
            _queueSelect = queueSelect;
            ConfigVector = configVector;
            queueVectors.CopyTo(_queueVectors, 0);
        };
    }

    private ushort LoadVector(ref StateReader reader)
    {
        int start = reader.Position;
        ushort vector = reader.U16();
        if (Valid(vector) != vector) reader.Fail(StateFault.Value, start);
        return vector;
    }

    private static Register?[] Index()
    {
        var index = new Register?[Size];
        foreach (var register in Registers) index[register.Offset] = register;
        return index;
    }

    // Section 4.1.3.1: the queue addresses are the only 64-bit fields, each made of two 32-bit ones.
    private static bool IsWide(int offset) => offset is QueueDescLow or QueueDriverLow or QueueDeviceLow;

    private static uint Word(ulong features, uint select) => select > 1 ? 0 : (uint)(features >> (int)(32 * select));

    // PCI-LAYOUT-D-01: the halves of a 64-bit field are independent of each other.
    private static Register Low(int offset, string field, Func<DeviceQueue, ulong> get, Action<DeviceQueue, ulong> set) =>
        new(offset, 4, $"{field}, low half", c => c.Queue is { } queue ? (uint)get(queue) : 0, (c, v) =>
        {
            if (c.DisabledQueue is { } queue) set(queue, (get(queue) & ~0xffff_ffffUL) | v);
        });

    private static Register High(int offset, string field, Func<DeviceQueue, ulong> get, Action<DeviceQueue, ulong> set) =>
        new(offset, 4, $"{field}, high half", c => c.Queue is { } queue ? (uint)(get(queue) >> 32) : 0, (c, v) =>
        {
            if (c.DisabledQueue is { } queue) set(queue, (get(queue) & 0xffff_ffffUL) | ((ulong)v << 32));
        });

    // PCI-MSIX-D-09: what cannot be mapped reads back as NO_VECTOR.
    private ushort Valid(uint vector) => vector < _msixVectors ? (ushort)vector : NoVector;

    private void WriteFeatures(uint value) => _core.WriteDriverFeatures(_driverFeatureSelect, value);

    private void WriteStatus(uint value) => _core.WriteStatus((Wire.DeviceStatus)value);

    private void WriteEnable(uint value)
    {
        if (value == 1) Queue?.Enable();
    }

    private void WriteReset(uint value)
    {
        if (value != 1 || Queue is not { } queue || !_core.Negotiated.HasFlag(VirtioFeatures.RingReset)) return;
        queue.Reset();
        _queueVectors[_queueSelect] = NoVector;
    }

    /// <summary>One row of the layout. Without <see cref="Write"/> the register is read-only for the driver.</summary>
    internal sealed record Register(
        int Offset, int Width, string Name, Func<CommonConfiguration, uint> Read, Action<CommonConfiguration, uint>? Write);
}
