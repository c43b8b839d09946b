using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Support;

/// <summary>A device on virtio-mmio version 1, driven as section 3.1.2 has a legacy driver do it.</summary>
internal sealed class LegacyMmioMachine : IMachine
{
    public MmioMachine Registers { get; } = new(new() { Legacy = true });

    public FlatGuestMemory Memory => Registers.Memory;

    public IommuDevice Device => Registers.Device;

    public void Notify(int queue) => Registers.Notify(queue);

    public ulong ReadConfig(int offset, int width) => Registers.ReadConfig(offset, width);

    public void WriteConfig(int offset, int width, ulong value) => Registers.WriteConfig(offset, width, value);

    public (Ring Requests, Ring Events) Start(VirtioFeatures without = VirtioFeatures.None)
    {
        Registers[0x028] = 4096;
        Registers.Status = 0;
        Registers.Status = 1;
        Registers.Status = 3;
        Registers[0x014] = 0;
        Registers[0x024] = 0;
        Registers[0x020] = Registers[0x010] & ~(uint)without;
        var requests = Registers.SetUpLegacyQueue(0, 16, 1);
        var events = Registers.SetUpLegacyQueue(1, 8, 4);
        Registers.Status = 7;
        Assert.Equal(7u, Registers.Status);
        return (requests, events);
    }
}
