using System.Numerics;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports.Judging;

/// <summary>
/// Registers of virtio-mmio, version 1 (section 4.2.4): features are in force once written, requests are served before DRIVER_OK, and a queue
/// is where a page number says.
/// </summary>
internal sealed class LegacyMmioJudge(ShadowedMemory memory) : AnyMmioJudge(
    memory, new FeatureLife(isPci: false, isLegacy: true, "DESC-MMIO-01"), new ConfigurationLife(GenerationRules.None))
{
    private readonly uint[] _pages = new uint[QueueCount];
    private readonly uint[] _alignments = new uint[QueueCount];

    // It may outlive a reset or not: it is what the driver has written since, or nobody knows.
    private uint? _pageSize;

    protected override uint Version => 1;

    protected override string VersionRule => "DESC-LEGACY-01";

    protected override string NoQueueRule => "DESC-LEGACY-06";

    protected override bool MayServe => LegacyLife.MayServe(Status);

    protected override QueueRules AfterReset => new("DESC-LEGACY-05", "CORE-RESET-D-02", "", "");

    protected override QueueRules AfterQueueReset => new("DESC-LEGACY-04", "DESC-LEGACY-04", "", "");

    public override void Accepts(uint word, uint value)
    {
        if (word == 0 && (value & ~FeatureBits.Offered) == 0 && (Status & StatusBits.DriverOk) == 0 && !Queues[0].IsEnabled && !Queues[1].IsEnabled) FeatureBits.PutInForce(value);
        else if (word != 1 || value != 0) Lost();
    }

    protected override void BeginLife()
    {
        base.BeginLife();
        _pageSize = null;
        Array.Clear(_pages);
        Array.Fill(_alignments, 0u);
    }

    protected override bool IsLegal(uint value) => LegacyLife.IsLegal(Status, value);

    protected override void SawOther(uint register, uint value)
    {
        if (register != MmioRegister.QueuePfn) Lost();
        else if (!IsLost && Queue is { } queue && value != _pages[Selected!.Value]) Broken.Rule(queue.EnabledBecause, "", $"QueuePFN of queue {Selected} reads 0x{value:x}");
    }

    protected override void WroteOther(uint register, uint value)
    {
        switch (register)
        {
            case MmioRegister.GuestPageSize when BitOperations.IsPow2(value) && _pages[0] == 0 && _pages[1] == 0: _pageSize = value; break;
            case MmioRegister.QueueSize when IsConfigurable: Queue!.SetSize(value); break;
            case MmioRegister.QueueAlign when IsConfigurable: _alignments[Selected!.Value] = value; break;
            case MmioRegister.QueuePfn when value == 0 && Queue is not null: Stop((int)Selected!.Value); break;
            case MmioRegister.QueuePfn when IsConfigurable: Place((int)Selected!.Value, value); break;
            default: Lost(); break;
        }
    }

    protected override void WroteConfiguration(int offset, int width, ulong value)
    {
        if (!IsLost && width == 1 && offset == IommuConfig.BypassOffset && value <= 1 && (FeatureBits.Offered & Features.BypassConfig) != 0)
        {
            // LEGACY-INIT-D-01: also before features are negotiated.
            Configuration.SetBypass(FeatureBits.Negotiated == 0 || Has(Features.BypassConfig) ? (byte)value : null, "LEGACY-INIT-D-01");
            MayTellOfChange();
            return;
        }

        Configuration.SetBypass(null, "");
        Lost();
    }

    private bool IsConfigurable => Queue is { IsEnabled: false };

    private void Stop(int index)
    {
        Queues[index].Begin(new("DESC-LEGACY-03", "DESC-LEGACY-04", "", ""));
        _pages[index] = 0;
        _alignments[index] = 0;
    }

    private void Place(int index, uint page)
    {
        var ring = Rings[index];
        ulong start = (ulong)page * (_pageSize ?? 0);
        bool isKnown = _pageSize is not null && Queues[index].Size == ring.Size && start == AddressOf(ring.Descriptors) && ring.IsNewFor(FeatureBits.Negotiated)
            && _alignments[index] != 0 && ring.Used == ring.UsedAt((int)_alignments[index]);
        if (!isKnown) Lost();
        _pages[index] = page;
        Queues[index].Enable("DESC-LEGACY-03", "");
    }
}
