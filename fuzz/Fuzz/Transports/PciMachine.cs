using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Transports.Judging;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports;

/// <summary>A virtio-pci function without the legacy interface (section 4.1.4).</summary>
internal sealed class PciMachine : AnyPciMachine
{
    // Offsets in the common configuration structure (section 4.1.4.3).
    private const int DeviceFeatureSelect = 0x00;
    private const int DeviceFeature = 0x04;
    private const int DriverFeatureSelect = 0x08;
    private const int DriverFeature = 0x0c;
    private const int ConfigVector = 0x10;
    private const int NumQueues = 0x12;
    private const int DeviceStatus = 0x14;
    private const int ConfigGeneration = 0x15;
    private const int QueueSelect = 0x16;
    private const int SizeOfQueue = 0x18;
    private const int QueueVector = 0x1a;
    private const int QueueEnable = 0x1c;
    private const int QueueNotifyOff = 0x1e;
    private const int QueueDescriptors = 0x20;
    private const int QueueDriver = 0x28;
    private const int QueueDevice = 0x30;
    private const int QueueResetAt = 0x3a;

    private const int ConfigurationWords = IommuConfig.BypassOffset / 4;

    private readonly PciJudge _judge;

    // By what is negotiated: which of several structures, and whether through configuration space.
    private bool _usesOther;
    private bool _usesWindow;

    public PciMachine(Subject subject)
        : base(subject, isLegacy: false) => _judge = new(Memory, Structures);

    public override uint Status => (uint)ReadAt(Space.Registers, Structures.Of(PciStructures.Common, isOther: false).Offset + DeviceStatus, 1);

    protected override AnyPciJudge PciJudge => _judge;

    public override void Negotiate(uint choice)
    {
        Reach();
        _usesOther = (choice & Choice.OtherStructures) != 0;
        _usesWindow = (choice & Choice.ThroughWindow) != 0;
        SetCommon(DeviceStatus, 1, 0);
        SetCommon(DeviceStatus, 1, StatusBits.Acknowledge);
        SetCommon(DeviceStatus, 1, StatusBits.Found);
        ReadOffer();
        ulong accepted = Chosen(choice);
        if ((choice & Choice.WriteTwice) != 0) Accept(0);
        Accept(accepted);
        ReadAccepted();
        SetCommon(DeviceStatus, 1, StatusBits.Negotiated);
        Common(DeviceStatus, 1);
        ReadAccepted();
        for (int queue = 0; queue < DeviceJudge.QueueCount; queue++)
        {
            SetCommon(QueueSelect, 2, (uint)queue);
            Common(SizeOfQueue, 2);
            Common(QueueNotifyOff, 2);
        }
    }

    public override void EnableQueue(int queue)
    {
        SetCommon(QueueSelect, 2, (uint)queue);
        SetCommon(QueueEnable, 2, 1);
    }

    public override void StopQueue(int queue)
    {
        SetCommon(QueueSelect, 2, (uint)queue);
        SetCommon(QueueEnable, 2, 0);
        Common(QueueEnable, 2);
    }

    public override void ResetQueue(int queue)
    {
        if (!Judge.FeatureBits.Has(Features.RingReset)) return;
        SetCommon(QueueSelect, 2, (uint)queue);
        SetCommon(QueueResetAt, 2, 1);
        for (int patience = 4; patience > 0 && Common(QueueResetAt, 2) != 0; patience--) { }
    }

    public override void Acknowledge() => ReadRegister(Structures.Of(PciStructures.Isr, _usesOther).Offset, 1);

    public override void WriteBypass(byte value) => WriteRegister(Structures.Of(PciStructures.Device, _usesOther).Offset + IommuConfig.BypassOffset, 1, value);

    public override void Survey(uint order)
    {
        LookOver();
        ReadOffer();
        ReadAccepted();
        Common(NumQueues, 2);
        for (uint i = 0; i < 5; i++)
        {
            uint queue = (order & 1) != 0 ? 4 - i : i;
            SetCommon(QueueSelect, 2, queue < 4 ? queue : 0xffff);
            Common(SizeOfQueue, 2);
            Common(QueueEnable, 2);
            Common(QueueNotifyOff, 2);
            Common(QueueVector, 2);
            if (Judge.FeatureBits.Has(Features.RingReset)) Common(QueueResetAt, 2);
        }

        Common(ConfigVector, 2);
        if ((order & 4) != 0) TouchAddresses();
        int device = Structures.Of(PciStructures.Device, _usesOther).Offset;
        Common(ConfigGeneration, 1);
        // First, so that nothing is read between a change and that.
        ReadRegister(device + IommuConfig.BypassOffset, 1);
        for (int i = 0; i < ConfigurationWords; i++) ReadRegister(device + (4 * ((order & 2) != 0 ? i : ConfigurationWords - 1 - i)), 4);
        Common(ConfigGeneration, 1);
    }

    protected override void PlaceQueue(int queue)
    {
        var ring = Judge.Rings[queue];
        SetCommon(QueueSelect, 2, (uint)queue);
        SetCommon(SizeOfQueue, 2, (uint)ring.Size);
        SetAddress(QueueDescriptors, ring.Descriptors);
        SetAddress(QueueDriver, ring.Available);
        SetAddress(QueueDevice, ring.Used);
    }

    protected override void MapEvent(int happening, ushort vector)
    {
        int register = ConfigVector;
        if (happening < DeviceJudge.QueueCount)
        {
            register = QueueVector;
            SetCommon(QueueSelect, 2, (uint)happening);
        }

        SetCommon(register, 2, vector);
        Common(register, 2);
    }

    protected override void Notify(int queue)
    {
        int doorbell = _judge.DoorbellOf(queue, _usesOther);
        if (doorbell < 0)
        {
            SetCommon(QueueSelect, 2, (uint)queue);
            Common(QueueNotifyOff, 2);
            doorbell = _judge.DoorbellOf(queue, _usesOther);
        }

        if (doorbell >= 0) WriteRegister(doorbell, Judge.FeatureBits.Has(Features.NotificationData) ? 4 : 2, Judge.Rings[queue].Notification);
    }

    protected override void WriteStatus(uint value) => SetCommon(DeviceStatus, 1, value);

    protected override void SeeStatus(uint status)
    {
        if (PciJudge.IsReachable && PciJudge.HasMemorySpace) Judge.SawStatus(status);
    }

    protected override void Saw(Space space, int offset, int width, ulong value)
    {
        if (space == Space.Registers) _judge.Saw(offset, width, value);
        else base.Saw(space, offset, width, value);
    }

    protected override void Wrote(Space space, int offset, int width, ulong value)
    {
        if (space == Space.Registers) _judge.Wrote(offset, width, value);
        else base.Wrote(space, offset, width, value);
    }

    // PCI-LAYOUT-D-01: of a queue that is not in use, so that nobody minds.
    private void TouchAddresses()
    {
        const int queue = DeviceJudge.QueueCount - 1;
        if (Judge.Queues[queue].MayBeUsed || (Judge.Status & StatusBits.FeaturesOk) == 0) return;
        SetCommon(QueueSelect, 2, queue);
        for (int at = QueueDescriptors; at <= QueueDevice; at += 8)
        {
            SetCommon(at + 4, 4, 0x1234);
            SetCommon(at, 4, 0x5678_9000);
            Common(at + 4, 4);
            Common(at, 4);
        }
    }

    private void ReadOffer()
    {
        for (uint word = 0; word < 4; word++)
        {
            SetCommon(DeviceFeatureSelect, 4, word);
            Common(DeviceFeature, 4);
            Common(DeviceFeature, 4);
        }
    }

    private void Accept(ulong accepted)
    {
        SetCommon(DriverFeatureSelect, 4, 0);
        SetCommon(DriverFeature, 4, (uint)accepted);
        SetCommon(DriverFeatureSelect, 4, 1);
        SetCommon(DriverFeature, 4, (uint)(accepted >> 32));
    }

    private void ReadAccepted()
    {
        for (uint word = 0; word < 2; word++)
        {
            SetCommon(DriverFeatureSelect, 4, word);
            Common(DriverFeature, 4);
        }
    }

    // Fields of 64 bits are written in halves (section 4.1.3.1).
    private void SetAddress(int field, int offset)
    {
        SetCommon(field, 4, (uint)(ShadowedMemory.First + (uint)offset));
        SetCommon(field + 4, 4, 0);
    }

    private uint Common(int field, int width) => (uint)ReadRegister(Structures.Of(PciStructures.Common, _usesOther).Offset + field, width);

    private void SetCommon(int field, int width, uint value) => WriteRegister(Structures.Of(PciStructures.Common, _usesOther).Offset + field, width, value);

    private ulong ReadRegister(int offset, int width)
    {
        if (!_usesWindow) return Read(Space.Registers, offset, width);
        ulong value = ReadThroughWindow(offset, width);
        _judge.Seen(offset, width, value);
        return value;
    }

    private void WriteRegister(int offset, int width, uint value)
    {
        if (!_usesWindow)
        {
            Write(Space.Registers, offset, width, value);
            return;
        }

        WriteThroughWindow(offset, width, value);
        _judge.Written(offset, width, value);
    }
}
