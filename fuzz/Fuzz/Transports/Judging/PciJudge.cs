using System.Numerics;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Wire;
using Fields = Viommu.Fuzz.Transports.Judging.QueueLife.Fields;

namespace Viommu.Fuzz.Transports.Judging;

/// <summary>The structures of virtio-pci (section 4.1.4), in whichever BAR they are.</summary>
internal sealed class PciJudge(ShadowedMemory memory, PciStructures structures) : AnyPciJudge(
    memory, new FeatureLife(isPci: true, isLegacy: false, "PCI-COMMON-D-03"), new ConfigurationLife(GenerationRules.Pci), "PCI-ISR-D-03")
{
    private const int QueueSizeAt = 0x18;
    private const int QueueVectorAt = 0x1a;
    private const int QueueEnableAt = 0x1c;
    private const int NotifyOffAt = 0x1e;
    private const int AddressesAt = 0x20;
    private const int NotifyDataAt = 0x38;
    private const int QueueResetAt = 0x3a;

    private static readonly Fields[] _halves = [Fields.DescriptorsLow, Fields.DescriptorsHigh, Fields.DriverLow, Fields.DriverHigh, Fields.DeviceLow, Fields.DeviceHigh];

    private readonly uint?[] _maximum = new uint?[QueueCount];
    private readonly uint?[] _notifyOff = new uint?[QueueCount];
    private readonly bool[] _isAccepted = new bool[2];
    private uint? _queues;
    private uint? _offeredWord;
    private uint? _acceptedWord;
    private uint? _selected;
    private bool _isMoreAccepted;

    /// <summary>The doorbell of a queue in the notification structure; negative where the driver has not read where it is.</summary>
    public int DoorbellOf(int queue, bool isOther) => _notifyOff[queue] is { } off ? structures.Of(PciStructures.Notify, isOther).Offset + ((int)off * structures.Multiplier(isOther)) : -1;

    private QueueLife? Queue => _selected is < QueueCount ? Queues[_selected.Value] : null;

    protected override QueueRules AfterReset => new("PCI-COMMON-D-08", "DESC-PCI-08", "PCI-COMMON-D-09", "DESC-PCI-01");

    protected override QueueRules AfterQueueReset => new("PCI-COMMON-D-13", "CORE-VQRESET-D-01", "PCI-COMMON-D-13", "CORE-VQRESET-D-02");

    /// <summary>A driver reads something of the BAR with the structures.</summary>
    public void Saw(int offset, int width, ulong value)
    {
        if (!IsReachable) return;
        if (!HasMemorySpace)
        {
            if (value != 0) Broken.Rule("PCI-GEN-D-01", "memory", $"reading at 0x{offset:x} gives 0x{value:x} while Memory Space Enable is clear");
            return;
        }

        Seen(offset, width, value);
    }

    /// <summary>A driver reads something there in a way for which the BAR need not be decoded.</summary>
    public void Seen(int offset, int width, ulong value)
    {
        if (!structures.TryLocate(offset, out int type, out int within, out _)) Lost();
        else if (type == PciStructures.Common) SawCommon(within, width, (uint)value);
        else if (type == PciStructures.Device) SawConfiguration(within, width, value);
        else if (type == PciStructures.Isr && within == 0 && width == 1) SawIsr((uint)value);
        else Lost();
    }

    /// <summary>A driver writes something there.</summary>
    public void Wrote(int offset, int width, ulong value)
    {
        if (!IsReachable) Configuration.SetBypass(null, "");
        else if (HasMemorySpace) Written(offset, width, value);
    }

    /// <summary>A driver writes something there in a way for which the BAR need not be decoded.</summary>
    public void Written(int offset, int width, ulong value)
    {
        if (!structures.TryLocate(offset, out int type, out int within, out bool isOther)) Lost();
        else if (type == PciStructures.Common) WroteCommon(within, width, (uint)value);
        else if (type == PciStructures.Device) WroteConfiguration(within, width, value);
        else if (type == PciStructures.Notify && IsDoorbell(offset, width, value, isOther)) Notifies((uint)value);
        else Lost();
    }

    protected override void BeginLife()
    {
        base.BeginLife();
        _offeredWord = _acceptedWord = _selected = null;
        _isMoreAccepted = false;
        Array.Clear(_isAccepted);
        Array.Clear(_notifyOff);
    }

    protected override void AcceptedMore() => _isMoreAccepted = true;

    private bool IsDoorbell(int offset, int width, ulong value, bool isOther)
    {
        int queue = (int)(value & 0xffff);
        return width == (Has(Features.NotificationData) ? 4 : 2) && queue < QueueCount && offset == DoorbellOf(queue, isOther);
    }

    private void SawCommon(int offset, int width, uint value)
    {
        switch (offset, width)
        {
            case (0x00, 4) or (0x08, 4) or (0x16, 2) or (NotifyDataAt, 2) or (0x3c, 2) or (0x3e, 2): break;
            case (0x04, 4): if (!IsLost && _offeredWord is { } word) FeatureBits.SawOffered(word, value); break;
            case (0x0c, 4): SawAccepted(value); break;
            case (0x10, 2): if (!IsLost) Messages.Saw(MessageJudge.ConfigurationEvent, (ushort)value); break;
            case (0x12, 2): SawQueues(value); break;
            case (0x14, 1): SawStatus(value); break;
            case (0x15, 1): if (!IsLost) Configuration.SawGeneration(value); break;
            case (QueueSizeAt, 2): if (!IsLost && _selected is { } selected) SawSize(selected, value); break;
            case (QueueVectorAt, 2): if (!IsLost && Queue is not null) Messages.Saw((int)_selected!.Value, (ushort)value); break;
            case (QueueEnableAt, 2): if (!IsLost && Queue is { } queue) SawEnable(queue, value); break;
            case (NotifyOffAt, 2): if (!IsLost && Queue is not null) SawNotifyOff((int)_selected!.Value, value); break;
            case (QueueResetAt, 2): if (!IsLost && Queue is { } resetting && Has(Features.RingReset)) SawReset(resetting, value); break;
            case ( >= AddressesAt and < NotifyDataAt, 4) when offset % 4 == 0: if (!IsLost && Queue is { } placed) SawAddress(placed, _halves[(offset - AddressesAt) / 4], value); break;
            default: Lost(); break;
        }
    }

    private void WroteCommon(int offset, int width, uint value)
    {
        switch (offset, width)
        {
            case (0x00, 4): _offeredWord = value; break;
            case (0x08, 4): _acceptedWord = value; break;
            case (0x0c, 4) when _acceptedWord is { } word: WroteAccepted(word, value); break;
            case (0x10, 2): Messages.Wrote(MessageJudge.ConfigurationEvent, (ushort)value); break;
            case (0x14, 1): WroteStatus((byte)value); break;
            case (0x16, 2): _selected = value; break;
            case (QueueVectorAt, 2) when Queue is not null: Messages.Wrote((int)_selected!.Value, (ushort)value); break;
            default: if (!IsLost) WroteQueue(offset, width, value); break;
        }
    }

    private void WroteQueue(int offset, int width, uint value)
    {
        switch (offset, width)
        {
            case (QueueSizeAt, 2) when IsConfigurable && BitOperations.IsPow2(value) && value <= _maximum[_selected!.Value]: Queue!.SetSize(value); break;
            case (QueueEnableAt, 2) when value == 1 && Queue is not null: EnablesQueue((int)_selected!.Value, "DESC-PCI-08", "PCI-COMMON-D-10"); break;
            // PCI-COMMON-V-06 forbids it; whatever comes of it, DESC-PCI-08 has the device say.
            case (QueueEnableAt, 2) when value == 0 && Queue is { } queue: queue.BecomesUnsure(); break;
            case (QueueResetAt, 2) when value == 1 && Queue is not null && Has(Features.RingReset):
                ResetsQueue((int)_selected!.Value);
                Messages.Forget((int)_selected.Value);
                break;
            case ( >= AddressesAt and < NotifyDataAt, 4) when offset % 4 == 0 && IsConfigurable: Queue!.SetAddress(_halves[(offset - AddressesAt) / 4], value); break;
            default: Lost(); break;
        }
    }

    private bool IsConfigurable => Queue is { IsEnabled: false, IsBeingReset: false, IsUnsure: false } && HasFeatures;

    private void WroteAccepted(uint word, uint value)
    {
        Accepts(word, value);
        if (word < 2) _isAccepted[word] = true;
    }

    private void SawAccepted(uint value)
    {
        if (_acceptedWord is not { } word || word > 1 || !_isAccepted[word]) return;
        uint offered = (uint)(FeatureBits.Offered >> (int)(32 * word));
        uint accepted = (uint)(FeatureBits.Accepted >> (int)(32 * word));
        if (_isMoreAccepted && (value & accepted & ~offered) != 0) Broken.Rule("CORE-FEAT-D-03", "", $"features 0x{value & ~offered:x} are accepted, in word {word}, that were not offered");
        // PCI-COMMON-D-05: what is not offered may read back, or not.
        if (!IsLost && ((value ^ accepted) & offered) != 0) Broken.Rule("PCI-COMMON-D-04", $"word {word}", $"driver_feature reads 0x{value:x} where 0x{accepted:x} was written");
    }

    // Read-only, so that it is the same whatever a driver does.
    private void SawQueues(uint value)
    {
        if (_queues is { } known && known != value) Broken.Rule("DESC-PCI-07", "num_queues", $"num_queues reads {value} and was {known}");
        _queues = value;
    }

    private void SawSize(uint selected, uint value)
    {
        if (_queues is { } count && selected >= count && value != 0) Broken.Rule("PCI-COMMON-D-14", "", $"queue {selected} of {count} has size {value}");
        if (!Has(Features.RingPacked) && (value & (value - 1)) != 0) Broken.Rule("PCI-COMMON-D-15", "", $"queue {selected} has size {value}");
        if (Queue is not { IsUnsure: false } queue || queue.Size != 0 || queue.SizeBecause.Length == 0) return;
        if (_maximum[selected] is { } maximum && maximum != value) Broken.Rule(queue.SizeBecause, "", $"queue {selected} has size {value} after a reset, and not {maximum}");
        _maximum[selected] = value;
    }

    private void SawEnable(QueueLife queue, uint value)
    {
        if (queue.IsUnsure && value <= 1) queue.IsSaidToBe(value == 1, "DESC-PCI-08");
        else if (!queue.IsBeingReset && value != (queue.IsEnabled ? 1u : 0)) Broken.Rule(queue.EnabledBecause, $"queue_enable {value}", $"queue_enable of queue {_selected} reads {value}");
    }

    private void SawNotifyOff(int queue, uint value)
    {
        _notifyOff[queue] = value;
        // NOTIFICATION_DATA is on offer.
        var structure = structures.Of(PciStructures.Notify, isOther: false);
        if ((value * (ulong)structures.Multiplier(isOther: false)) + 4 > (ulong)structure.Length)
            Broken.Rule("PCI-NOTIFY-D-11", $"queue {queue}", $"the doorbell of queue {queue} is beyond the {structure.Length} bytes of the notification structure");
    }

    // PCI-COMMON-D-12: 1 for as long as it takes.
    private void SawReset(QueueLife queue, uint value)
    {
        if (value == 1 && queue.IsBeingReset) return;
        if (value != 0) Broken.Rule(queue.ResetBecause, $"queue_reset {value}", $"queue_reset of queue {_selected} reads {value}");
        queue.IsBeingReset = false;
    }

    private void SawAddress(QueueLife queue, Fields half, uint value)
    {
        if (queue.IsEnabled || queue.IsUnsure || (queue.Written & half) == 0) return;
        if (value != queue.AddressOf(half)) Broken.Rule("PCI-LAYOUT-D-01", $"{half}", $"{half} of queue {_selected} reads 0x{value:x} where 0x{queue.AddressOf(half):x} was written");
    }
}
