using Viommu.Device.Transport;
using Viommu.Device.Transport.Mmio;
using Viommu.Device.Transport.Pci;
using Viommu.Device.Wire;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;

namespace Viommu.Fuzz.Machines;

/// <summary>
/// The registers of a device, by their names on virtio-mmio (section 4.2.2). Machines that set a device up and are not about its transport
/// are written to these; what they are reached through is another matter.
/// </summary>
internal interface IRegisters
{
    uint Get(uint register);

    void Set(uint register, uint value);

    ulong ReadConfig(int offset, int width);

    void WriteConfig(int offset, int width, ulong value);

    void SystemReset();
}

/// <summary>Makes the registers of a subject.</summary>
internal static class Registers
{
    /// <summary>All that the device offers.</summary>
    public static ulong ReadOffer(this IRegisters registers)
    {
        registers.Set(MmioRegister.DeviceFeaturesSel, 1);
        ulong high = registers.Get(MmioRegister.DeviceFeatures);
        registers.Set(MmioRegister.DeviceFeaturesSel, 0);
        return (high << 32) | registers.Get(MmioRegister.DeviceFeatures);
    }

    /// <summary>Writes both halves of what a driver accepts.</summary>
    public static void WriteDriverFeatures(this IRegisters registers, ulong accepted)
    {
        registers.Set(MmioRegister.DriverFeaturesSel, 0);
        registers.Set(MmioRegister.DriverFeatures, (uint)accepted);
        registers.Set(MmioRegister.DriverFeaturesSel, 1);
        registers.Set(MmioRegister.DriverFeatures, (uint)(accepted >> 32));
    }

    /// <summary>virtio-mmio, bare; or for a subject that intercepts the registers of a modern transport, those, through a whole machine.</summary>
    public static IRegisters Of(Subject subject, IVirtioDevice device, ShadowedMemory memory, VirtioFeatures features)
    {
        var rings = subject.Variation.RingMemory(memory);
        if (!subject.InterceptsRegisters || subject.Configuration.IsLegacy) return new MmioRegisterFile(NewMmio());
        ModelSlot slot = subject.Configuration.Transport == ModelTransport.Pci
            ? new ModelPciSlot(new(device, rings, subject.Variation.PciOptions(new VirtioPciOptions { Features = features })), new DeviceLocation.PciFunction())
            : new ModelMmioSlot(NewMmio());
        return new InterceptedRegisters(subject.Variation.Machine(new ShadowedTarget(slot, memory)), memory);

        VirtioMmioDevice NewMmio() => new(device, rings, new VirtioMmioOptions { Features = features });
    }
}

/// <summary>virtio-mmio, version 2, without anything in between.</summary>
internal sealed class MmioRegisterFile(VirtioMmioDevice device) : IRegisters
{
    /// <summary>The device itself.</summary>
    public VirtioMmioDevice Device => device;

    public uint Get(uint register) => device.Get(register);

    public void Set(uint register, uint value) => device.Set(register, value);

    public ulong ReadConfig(int offset, int width) => device.Read((int)MmioRegister.Config + offset, width);

    public void WriteConfig(int offset, int width, ulong value) => device.Write((int)MmioRegister.Config + offset, width, value);

    public void SystemReset() => device.SystemReset();
}
