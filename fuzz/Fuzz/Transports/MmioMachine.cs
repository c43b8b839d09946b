using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Transports.Judging;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports;

/// <summary>virtio-mmio version 2 (section 4.2.2).</summary>
internal sealed class MmioMachine : AnyMmioMachine
{
    private const int ConfigurationWords = IommuConfig.BypassOffset / 4;

    public MmioMachine(Subject subject)
        : base(subject, isLegacy: false) => MmioJudge = new MmioJudge(Memory);

    protected override AnyMmioJudge MmioJudge { get; }

    public override void Negotiate(uint choice)
    {
        Set(MmioRegister.Status, 0);
        Set(MmioRegister.Status, StatusBits.Acknowledge);
        Set(MmioRegister.Status, StatusBits.Found);
        ReadOffer();
        ulong accepted = Chosen(choice);
        // DESC-MMIO-02: what is written last counts.
        if ((choice & Choice.WriteTwice) != 0) Accept(0);
        Accept(accepted);
        Set(MmioRegister.Status, StatusBits.Negotiated);
        Get(MmioRegister.Status);
    }

    public override void EnableQueue(int queue)
    {
        Set(MmioRegister.QueueSel, (uint)queue);
        Set(MmioRegister.QueueReady, 1);
    }

    public override void StopQueue(int queue)
    {
        Set(MmioRegister.QueueSel, (uint)queue);
        Set(MmioRegister.QueueReady, 0);
        Get(MmioRegister.QueueReady);
    }

    public override void ResetQueue(int queue)
    {
        if (!Judge.FeatureBits.Has(Features.RingReset)) return;
        Set(MmioRegister.QueueSel, (uint)queue);
        Set(MmioRegister.QueueReset, 1);
        for (int patience = 4; patience > 0 && Get(MmioRegister.QueueReset) != 0; patience--) { }
    }

    public override void Survey(uint order)
    {
        Get(MmioRegister.MagicValue);
        Get(MmioRegister.Version);
        ReadOffer();
        for (uint i = 0; i < 4; i++)
        {
            uint queue = (order & 1) != 0 ? 3 - i : i;
            Set(MmioRegister.QueueSel, queue);
            Get(MmioRegister.QueueSizeMax);
            Get(MmioRegister.QueueReady);
            if (Judge.FeatureBits.Has(Features.RingReset)) Get(MmioRegister.QueueReset);
        }

        Get(MmioRegister.InterruptStatus);
        Get(MmioRegister.InterruptStatus);
        Set(MmioRegister.ShmSel, order);
        Get(MmioRegister.ShmLenLow);
        Get(MmioRegister.ShmLenHigh);
        Get(MmioRegister.ShmBaseLow);
        Get(MmioRegister.ShmBaseHigh);
        Get(MmioRegister.ConfigGeneration);
        for (int i = 0; i < ConfigurationWords; i++) Read(Space.Registers, (int)MmioRegister.Config + (4 * ((order & 2) != 0 ? i : ConfigurationWords - 1 - i)), 4);
        Read(Space.Registers, (int)MmioRegister.Config + IommuConfig.BypassOffset, 1);
        Get(MmioRegister.ConfigGeneration);
    }

    protected override void PlaceQueue(int queue)
    {
        var ring = Judge.Rings[queue];
        Set(MmioRegister.QueueSel, (uint)queue);
        Set(MmioRegister.QueueSize, (uint)ring.Size);
        Set(MmioRegister.QueueDescLow, Low(ring.Descriptors));
        Set(MmioRegister.QueueDescHigh, 0);
        Set(MmioRegister.QueueDriverLow, Low(ring.Available));
        Set(MmioRegister.QueueDriverHigh, 0);
        Set(MmioRegister.QueueDeviceLow, Low(ring.Used));
        Set(MmioRegister.QueueDeviceHigh, 0);
    }

    private static uint Low(int offset) => (uint)(ShadowedMemory.First + (uint)offset);

    private void Accept(ulong accepted)
    {
        Set(MmioRegister.DriverFeaturesSel, 0);
        Set(MmioRegister.DriverFeatures, (uint)accepted);
        Set(MmioRegister.DriverFeaturesSel, 1);
        Set(MmioRegister.DriverFeatures, (uint)(accepted >> 32));
    }
}
