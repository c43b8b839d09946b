using Viommu.Fuzz.Machines;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports.Judging;

/// <summary>
/// The legacy header of a transitional virtio-pci function (section 4.1.4.10): features are in force once written, requests are served before
/// DRIVER_OK, and the configuration is read by any width.
/// </summary>
internal sealed class LegacyPciJudge(ShadowedMemory memory) : AnyPciJudge(
    memory, new FeatureLife(isPci: true, isLegacy: true, "legacy-features-stay"), new ConfigurationLife(GenerationRules.None), "DESC-LEGACY-08")
{
    private const ulong PageSize = 4096;
    private const int DeviceFeatures = 0x00;
    private const int DriverFeatures = 0x04;
    private const int QueueAddress = 0x08;
    private const int SizeOfQueue = 0x0c;
    private const int QueueSelect = 0x0e;
    private const int QueueNotify = 0x10;
    private const int DeviceStatus = 0x12;
    private const int IsrStatus = 0x13;
    private const int ConfigVector = 0x14;
    private const int QueueVector = 0x16;
    private const int ConfigurationLength = 40;

    private readonly uint[] _pages = new uint[QueueCount];
    private readonly byte?[] _configuration = new byte?[ConfigurationLength];
    private uint? _selected;
    private uint? _accepted;

    /// <summary>Where the device configuration starts. LEGACY-PCI-D-03: right behind the header, which is longer while MSI-X is enabled.</summary>
    public int ConfigurationAt => Messages.IsEnabled ? 24 : 20;

    protected override bool MayServe => LegacyLife.MayServe(Status) && IsBusMaster;

    protected override bool IsJudgedByLine => false;

    protected override QueueRules AfterReset => new("DESC-LEGACY-05", "CORE-RESET-D-02", "", "");

    protected override QueueRules AfterQueueReset => new("DESC-LEGACY-04", "DESC-LEGACY-04", "", "");

    private QueueLife? Queue => _selected is < QueueCount ? Queues[_selected.Value] : null;

    /// <summary>A driver reads the I/O BAR.</summary>
    public void Saw(int offset, int width, uint value)
    {
        if (!IsReachable) return;
        if (offset >= ConfigurationAt) SawConfigurationBytes(offset - ConfigurationAt, width, value);
        else SawHeader(offset, width, value);
    }

    /// <summary>A driver writes there.</summary>
    public void Wrote(int offset, int width, uint value)
    {
        if (!IsReachable) Configuration.SetBypass(null, "");
        else if (offset >= ConfigurationAt) WroteConfigurationBytes(offset - ConfigurationAt, width, value);
        else WroteHeader(offset, width, value);
    }

    public override void Lost()
    {
        base.Lost();
        Array.Clear(_configuration);
    }

    public override void Accepts(uint word, uint value)
    {
        bool isLegal = (value & ~FeatureBits.Offered) == 0 && (Status & StatusBits.DriverOk) == 0 && !Queues[0].IsEnabled && !Queues[1].IsEnabled;
        if (!isLegal) Lost();
        else FeatureBits.PutInForce(value);
        _accepted = value;
    }

    /// <summary>The driver uses the other interface.</summary>
    public void UsedOtherwise()
    {
        Configuration.SetBypass(null, "");
        Lost();
    }

    protected override void BeginLife()
    {
        base.BeginLife();
        _selected = _accepted = null;
        Array.Clear(_pages);
        Array.Clear(_configuration);
    }

    protected override bool IsLegal(uint value) => LegacyLife.IsLegal(Status, value);

    protected override void MayTellOfChange()
    {
        base.MayTellOfChange();
        Array.Clear(_configuration);
    }

    protected override void TellsOfChange(string rule)
    {
        base.TellsOfChange(rule);
        Array.Clear(_configuration);
    }

    private void SawHeader(int offset, int width, uint value)
    {
        switch (offset, width)
        {
            case (DeviceFeatures, 4): if (!IsLost) FeatureBits.SawOffered(0, value); break;
            case (DriverFeatures, 4):
                if (!IsLost && _accepted is { } accepted && ((accepted ^ value) & (uint)FeatureBits.Offered) != 0) Broken.Rule("DESC-PCI-03", "features", $"the accepted features read 0x{value:x} where 0x{accepted:x} was written");
                break;
            case (QueueAddress, 4):
                if (!IsLost && Queue is { } queue && value != _pages[_selected!.Value]) Broken.Rule(queue.EnabledBecause, "", $"Queue Address of queue {_selected} reads 0x{value:x}");
                break;
            case (SizeOfQueue, 2):
                if (!IsLost && _selected is >= QueueCount && value != 0) Broken.Rule("DESC-LEGACY-06", "", $"queue {_selected} has size {value}");
                break;
            case (QueueSelect, 2) or (QueueNotify, 2): break;
            case (DeviceStatus, 1): SawStatus(value); break;
            case (IsrStatus, 1): SawIsr(value); break;
            case (ConfigVector, 2): if (!IsLost) Messages.Saw(MessageJudge.ConfigurationEvent, (ushort)value); break;
            case (QueueVector, 2): if (!IsLost && Queue is not null) Messages.Saw((int)_selected!.Value, (ushort)value); break;
            default: Lost(); break;
        }
    }

    private void WroteHeader(int offset, int width, uint value)
    {
        switch (offset, width)
        {
            case (DeviceStatus, 1): WroteStatus((byte)value); break;
            case (DriverFeatures, 4): if (!IsLost) Accepts(0, value); break;
            case (QueueAddress, 4) when Queue is not null: if (!IsLost) Place((int)_selected!.Value, value); break;
            case (QueueSelect, 2): _selected = (ushort)value; break;
            case (QueueNotify, 2): Notifies((ushort)value); break;
            case (ConfigVector, 2): Messages.Wrote(MessageJudge.ConfigurationEvent, (ushort)value); break;
            case (QueueVector, 2) when Queue is not null: Messages.Wrote((int)_selected!.Value, (ushort)value); break;
            default: Lost(); break;
        }
    }

    // LEGACY-PCI-D-02: any width reads what natural widths read.
    private void SawConfigurationBytes(int offset, int width, uint value)
    {
        if (IsLost) return;
        if (width is not (1 or 2 or 4) || offset + width > ConfigurationLength)
        {
            Lost();
            return;
        }

        for (int i = 0; i < width; i++)
        {
            byte read = (byte)(value >> (8 * i));
            int at = offset + i;
            if (at == IommuConfig.BypassOffset) Configuration.SawBypass(read);
            else if (at > IommuConfig.BypassOffset) continue;
            else if (_configuration[at] is { } known && known != read) Broken.Rule("LEGACY-PCI-D-02", $"0x{at:x}", $"0x{read:x} is read at 0x{at:x} of the configuration, by {width} bytes, where it was 0x{known:x}");
            else _configuration[at] = read;
        }
    }

    private void WroteConfigurationBytes(int offset, int width, uint value)
    {
        int within = IommuConfig.BypassOffset - offset;
        if (IsLost || width is not (1 or 2 or 4) || within != 0 || value > 1 || (FeatureBits.Offered & Features.BypassConfig) == 0)
        {
            Configuration.SetBypass(null, "");
            Lost();
            return;
        }

        // What stands behind bypass is reserved, and takes the zeroes of a wider access.
        Configuration.SetBypass(FeatureBits.Negotiated == 0 || Has(Features.BypassConfig) ? (byte)value : null, width == 1 ? "LEGACY-INIT-D-01" : "LEGACY-PCI-D-02");
        MayTellOfChange();
    }

    private void Place(int index, uint page)
    {
        var queue = Queues[index];
        if (page == 0)
        {
            queue.Begin(new("DESC-LEGACY-03", "DESC-LEGACY-04", "", ""));
            _pages[index] = 0;
            return;
        }

        var ring = Rings[index];
        bool isKnown = !queue.IsEnabled && page * PageSize == AddressOf(ring.Descriptors) && ring.IsNewFor(FeatureBits.Negotiated) && ring.Used == ring.UsedAt((int)PageSize);
        if (!isKnown) Lost();
        _pages[index] = page;
        queue.Enable("DESC-LEGACY-03", "");
    }
}
