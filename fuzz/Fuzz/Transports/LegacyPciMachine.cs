using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Transports.Judging;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports;

/// <summary>The legacy interface of a transitional virtio-pci function (section 4.1.4.10).</summary>
internal sealed class LegacyPciMachine : AnyPciMachine
{
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
    private const uint PageSize = 4096;

    private readonly LegacyPciJudge _judge;

    // By which width the configuration is accessed: by what is negotiated, and by the order of a survey.
    private int _bypassWidth = 1;

    public LegacyPciMachine(Subject subject)
        : base(subject, isLegacy: true) => _judge = new(Memory);

    public override uint Status => PortRead(IoBar + DeviceStatus, 1);

    protected override AnyPciJudge PciJudge => _judge;

    public override void Negotiate(uint choice)
    {
        Reach();
        _bypassWidth = (choice & Choice.OtherPages) != 0 ? 4 : 1;
        SetHeader(DeviceStatus, 1, 0);
        SetHeader(DeviceStatus, 1, StatusBits.Acknowledge);
        SetHeader(DeviceStatus, 1, StatusBits.Found);
        Header(DeviceFeatures, 4);
        // LEGACY-INIT-D-01: the configuration can be written before.
        if ((choice & Choice.WriteTwice) != 0) WriteBypass((byte)(choice & 1));
        if ((choice & Choice.WriteTwice) != 0) Header(_judge.ConfigurationAt + IommuConfig.BypassOffset, 1);
        SetHeader(DriverFeatures, 4, (uint)Chosen(choice));
        Header(DriverFeatures, 4);
        Header(DeviceStatus, 1);
    }

    public override void EnableQueue(int queue)
    {
        SetHeader(QueueSelect, 2, (uint)queue);
        if (Header(QueueAddress, 4) == 0) SetHeader(QueueAddress, 4, (uint)((ShadowedMemory.First + (uint)Judge.Rings[queue].Descriptors) / PageSize));
    }

    public override void StopQueue(int queue)
    {
        SetHeader(QueueSelect, 2, (uint)queue);
        SetHeader(QueueAddress, 4, 0);
        Header(QueueAddress, 4);
    }

    public override void ResetQueue(int queue) => StopQueue(queue);

    public override void Acknowledge() => Header(IsrStatus, 1);

    public override void WriteBypass(byte value)
    {
        SetHeader(_judge.ConfigurationAt + IommuConfig.BypassOffset, _bypassWidth, value);
        Header(_judge.ConfigurationAt + IommuConfig.BypassOffset, 1);
    }

    public override void Survey(uint order)
    {
        LookOver();
        Header(DeviceFeatures, 4);
        Header(DriverFeatures, 4);
        for (uint queue = 0; queue < 4; queue++)
        {
            SetHeader(QueueSelect, 2, (order & 1) != 0 ? 3 - queue : queue);
            Header(SizeOfQueue, 2);
            Header(QueueAddress, 4);
            if (_judge.Messages.IsEnabled) Header(QueueVector, 2);
        }

        if (_judge.Messages.IsEnabled) Header(ConfigVector, 2);
        for (int width = 4; width >= 1; width /= 2)
        {
            for (int at = 0; at < IommuConfig.BypassOffset; at += width) Header(_judge.ConfigurationAt + at, width);
        }

        Header(_judge.ConfigurationAt + IommuConfig.BypassOffset, 1);
    }

    // A legacy driver has no say in it.
    protected override int SizeOf(int queue, int size) => DrivenRing.MaximumSize;

    protected override void PlaceQueue(int queue)
    {
        SetHeader(QueueSelect, 2, (uint)queue);
        Header(SizeOfQueue, 2);
    }

    protected override void MapEvent(int happening, ushort vector)
    {
        int register = ConfigVector;
        if (happening < DeviceJudge.QueueCount)
        {
            register = QueueVector;
            SetHeader(QueueSelect, 2, (uint)happening);
        }

        SetHeader(register, 2, vector);
        Header(register, 2);
    }

    protected override void Notify(int queue) => SetHeader(QueueNotify, 2, Judge.Rings[queue].Notification);

    protected override void WriteStatus(uint value) => SetHeader(DeviceStatus, 1, value);

    protected override void SeeStatus(uint status)
    {
        if (PciJudge.IsReachable) Judge.SawStatus(status);
    }

    protected override void Saw(Space space, int offset, int width, ulong value)
    {
        if (space == Space.Ports) _judge.Saw(offset & 0xff, Math.Min(width, 4), (uint)value);
        else if (space == Space.Registers) _judge.UsedOtherwise();
        else base.Saw(space, offset, width, value);
    }

    protected override void Wrote(Space space, int offset, int width, ulong value)
    {
        if (space == Space.Ports) _judge.Wrote(offset & 0xff, Math.Min(width, 4), (uint)value);
        else if (space == Space.Registers) _judge.UsedOtherwise();
        else base.Wrote(space, offset, width, value);
    }

    private uint Header(int offset, int width) => (uint)Read(Space.Ports, offset, width);

    private void SetHeader(int offset, int width, uint value) => Write(Space.Ports, offset, width, value);
}
