using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Transports.Judging;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports;

/// <summary>virtio-mmio version 1 (section 4.2.4).</summary>
internal sealed class LegacyMmioMachine : AnyMmioMachine
{
    private const int ConfigurationWords = IommuConfig.BypassOffset / 4;

    // By what is negotiated, so that both are met.
    private int _alignment = 4096;
    private uint _pageSize = 4096;

    public LegacyMmioMachine(Subject subject)
        : base(subject, isLegacy: true) => MmioJudge = new LegacyMmioJudge(Memory);

    protected override AnyMmioJudge MmioJudge { get; }

    protected override int Alignment => _alignment;

    public override void Negotiate(uint choice)
    {
        bool isOther = (choice & Choice.OtherPages) != 0;
        _alignment = isOther ? 256 : 4096;
        _pageSize = isOther ? 1024u : 4096;
        Set(MmioRegister.Status, 0);
        Set(MmioRegister.Status, StatusBits.Acknowledge);
        Set(MmioRegister.Status, StatusBits.Found);
        Set(MmioRegister.GuestPageSize, _pageSize);
        ReadOffer();
        if ((choice & Choice.WriteTwice) != 0) WriteBypass((byte)(choice & 1));
        if ((choice & Choice.WriteTwice) != 0) Read(Space.Registers, (int)MmioRegister.Config + IommuConfig.BypassOffset, 1);
        Set(MmioRegister.DriverFeaturesSel, 0);
        Set(MmioRegister.DriverFeatures, (uint)(Chosen(choice) & uint.MaxValue));
        Get(MmioRegister.Status);
    }

    public override void EnableQueue(int queue)
    {
        Set(MmioRegister.QueueSel, (uint)queue);
        if (Get(MmioRegister.QueuePfn) == 0) Set(MmioRegister.QueuePfn, (uint)((ShadowedMemory.First + (uint)Judge.Rings[queue].Descriptors) / _pageSize));
    }

    public override void StopQueue(int queue)
    {
        Set(MmioRegister.QueueSel, (uint)queue);
        Set(MmioRegister.QueuePfn, 0);
        Get(MmioRegister.QueuePfn);
    }

    public override void ResetQueue(int queue) => StopQueue(queue);

    public override void Survey(uint order)
    {
        Get(MmioRegister.MagicValue);
        Get(MmioRegister.Version);
        ReadOffer();
        for (uint i = 0; i < 4; i++)
        {
            Set(MmioRegister.QueueSel, (order & 1) != 0 ? 3 - i : i);
            Get(MmioRegister.QueueSizeMax);
            Get(MmioRegister.QueuePfn);
        }

        Get(MmioRegister.InterruptStatus);
        Get(MmioRegister.InterruptStatus);
        for (int i = 0; i < ConfigurationWords; i++) Read(Space.Registers, (int)MmioRegister.Config + (4 * ((order & 2) != 0 ? i : ConfigurationWords - 1 - i)), 4);
        Read(Space.Registers, (int)MmioRegister.Config + IommuConfig.BypassOffset, 1);
    }

    protected override void PlaceQueue(int queue)
    {
        Set(MmioRegister.QueueSel, (uint)queue);
        Set(MmioRegister.QueueSize, (uint)Judge.Rings[queue].Size);
        Set(MmioRegister.QueueAlign, (uint)_alignment);
    }
}
