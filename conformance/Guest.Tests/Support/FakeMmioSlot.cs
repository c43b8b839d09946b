using Viommu.Guest.Targets;

namespace Viommu.Guest.Tests.Support;

/// <summary>Registers that let a driver through its initialisation: status and features are there, nothing happens.</summary>
internal sealed class FakeMmioSlot
{
    public const ulong Base = 0x0a00_0000;

    private ulong status;
    private ulong featuresSel;

    public FakeMmioSlot(uint version)
    {
        Target = new RecordingTarget { Iommu = new DeviceLocation.MmioSlot(Base), OnMmioWrite = Take };
        Target.Mmio(Base, 0x7472_6976).Mmio(Base + 0x4, version).Mmio(Base + 0x8, 23)
            .Mmio(Base + 0x10, () => (uint)(Features >> (int)(32 * featuresSel)))
            .Mmio(Base + 0x34, () => QueueSizeMax)
            .Mmio(Base + 0x70, () => status);
    }

    public RecordingTarget Target { get; }

    public ulong Features { get; init; } = 1UL << 32 | 4;

    public ushort QueueSizeMax { get; init; } = 8;

    /// <summary>The writes since the last call, as offset and value; reads are left out.</summary>
    public string[] TakeWrites() => [.. Target.TakeLog().Where(line => line.StartsWith("m w4 a0000", StringComparison.Ordinal)).Select(line => line["m w4 a0000".Length..])];

    private void Take(ulong address, ulong value)
    {
        if (address == Base + 0x70) status = value;
        else if (address == Base + 0x14) featuresSel = value;
    }
}
