using Viommu.Device.Lifecycle;
using Viommu.Device.Virtqueue;
using Viommu.Device.Wire;

namespace Viommu.Device.Transport.Mmio;

/// <summary>The control registers of a virtio-mmio device: the state behind both tables, and how an access finds its row.</summary>
internal sealed class MmioRegisters
{
    // Section 4.2.2 does not say which vendor; this is the one that PCI knows virtio by.
    private const uint Vendor = 0x1af4;

    private static readonly MmioRegister?[] _version1 = Index(MmioLegacyRegisters.Table);
    private static readonly MmioRegister?[] _version2 = Index(MmioModernRegisters.Table);

    private readonly bool _isLegacy;
    private readonly MmioRegister?[] _byOffset;

    public MmioRegisters(VirtioCore core, ushort deviceId, bool isLegacy)
    {
        Core = core;
        DeviceId = deviceId;
        LegacyQueues = new(core);
        _isLegacy = isLegacy;
        _byOffset = isLegacy ? _version1 : _version2;
    }

    public VirtioCore Core { get; }

    public ushort DeviceId { get; }

    public uint VendorId => Vendor;

    /// <summary>InterruptStatus.</summary>
    public uint Interrupts { get; set; }

    public uint DeviceFeaturesSel { get; set; }

    public uint DriverFeaturesSel { get; set; }

    /// <summary>QueueSel: the driver can select queues that do not exist.</summary>
    public uint QueueSel { get; set; }

    public LegacyQueues LegacyQueues { get; }

    /// <summary>Number of the selected queue; past the last one where the driver selected none that exists.</summary>
    public int QueueIndex => Clamp(QueueSel);

    public DeviceQueue? Queue => Core.Queue(QueueIndex);

    /// <summary>The selected queue while the driver configures it; what it writes later is not looked at.</summary>
    public DeviceQueue? DisabledQueue => Queue is { IsEnabled: false } queue ? queue : null;

    /// <summary>The half of <paramref name="features"/> that a selector names; there are two.</summary>
    public static uint Word(ulong features, uint select) => select > 1 ? 0 : (uint)(features >> (int)(32 * select));

    public uint Read(int offset, int width) => Find(offset, width)?.Read?.Invoke(this) ?? 0;

    public void Write(int offset, int width, ulong value)
    {
        if (Find(offset, width)?.Write is not { } write) return;
        if (_isLegacy) Core.TryUseLegacyInterface();
        write(this, (uint)value);
    }

    public void WriteConfig(int offset, int width, ulong value)
    {
        if (_isLegacy) Core.TryUseLegacyInterface();
        Core.WriteConfig(offset, width, value);
    }

    /// <summary>The driver notifies the device of a queue (section 4.2.3.3): an index, with NOTIFICATION_DATA in the low half.</summary>
    public void Notify(uint value)
    {
        if ((Core.Negotiated & VirtioFeatures.NotificationData) == 0) Core.Notify(Clamp(value));
        else Core.Notify(Clamp(value & ushort.MaxValue), (ushort)(value >> 16));
    }

    /// <summary>Device reset. MMIO-REG-D-05: no event is pending.</summary>
    public void Reset()
    {
        Interrupts = 0;
        DeviceFeaturesSel = DriverFeaturesSel = QueueSel = 0;
        LegacyQueues.Reset();
    }

    public void SystemReset() => LegacyQueues.SystemReset();

    public void Save(StateWriter writer)
    {
        writer.U64(DeviceId);
        writer.U64(_isLegacy ? 1ul : 2ul);
        writer.U32(Interrupts);
        writer.U32(DeviceFeaturesSel);
        writer.U32(DriverFeaturesSel);
        writer.U32(QueueSel);
        LegacyQueues.Save(writer);
    }

    /// <summary>Reads what <see cref="Save"/> wrote; the action takes it over.</summary>
    public Action Load(ref StateReader reader)
    {
        reader.Expect(DeviceId);
        reader.Expect(_isLegacy ? 1ul : 2ul);
        int start = reader.Position;
        uint interrupts = reader.U32();
        if ((interrupts & ~(MmioLayout.UsedBufferNotification | MmioLayout.ConfigurationChangeNotification)) != 0)
            reader.Fail(StateFault.Value, start);
        uint deviceFeaturesSel = reader.U32();
        uint driverFeaturesSel = reader.U32();
        uint queueSel = reader.U32();
        var loadLegacyQueues = LegacyQueues.Load(ref reader);
        return () =>
        {
            Interrupts = interrupts;
            DeviceFeaturesSel = deviceFeaturesSel;
            DriverFeaturesSel = driverFeaturesSel;
            QueueSel = queueSel;
            loadLegacyQueues();
        };
    }

    private static MmioRegister?[] Index(IReadOnlyList<MmioRegister> table)
    {
        var index = new MmioRegister?[MmioLayout.Config / MmioLayout.RegisterWidth];
        foreach (var register in table) index[register.Offset / MmioLayout.RegisterWidth] = register;
        return index;
    }

    private int Clamp(uint queue) => (int)Math.Min(queue, (uint)Core.QueueCount);

    // MMIO-REG-V-04: a driver accesses all 32 bits of a register at once.
    private MmioRegister? Find(int offset, int width) =>
        width == MmioLayout.RegisterWidth && offset >= 0 && offset % width == 0 ? _byOffset[offset / width] : null;
}

/// <summary>
/// One row of a register table, 32 bits wide. Without <see cref="Read"/> the register is write-only for the driver, without
/// <see cref="Write"/> read-only.
/// </summary>
internal sealed record MmioRegister(int Offset, string Name, Func<MmioRegisters, uint>? Read, Action<MmioRegisters, uint>? Write);
