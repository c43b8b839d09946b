using Viommu.Device.Iommu;
using Viommu.Device.Memory;
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

    /// <summary>The machine changes the field <c>bypass</c>, on its own account.</summary>
    void ChangeBypass(bool bypass);

    /// <summary>Has the device notify in the best way that there is; between reset and DRIVER_OK.</summary>
    void RouteNotifications()
    {
    }

    /// <summary>
    /// While a queue is being set up: has it notify by the message of configuration changes, or by its own again; false where there are no
    /// messages, or the device does not take it.
    /// </summary>
    bool TryMoveQueueVector(ushort queue, bool isToConfiguration) => false;

    /// <summary>Feature bits 64 to 127, where there is a way to read them.</summary>
    ulong ReadHigherOffer() => 0;

    /// <summary>Whether the transport is PCI.</summary>
    bool IsPci => false;

    /// <summary>Whether the function has an SR-IOV capability.</summary>
    bool HasSrIov() => false;
}

/// <summary>What a device has around it.</summary>
/// <param name="Memory">Guest memory as the device reaches it.</param>
/// <param name="Iommu">What the machine changes the field <c>bypass</c> of; null where it never does.</param>
/// <param name="MessagesAt">Where messages of MSI-X go in guest memory; null where there is no room for them.</param>
internal sealed record Surroundings(IGuestMemory Memory, IommuDevice? Iommu, ulong? MessagesAt)
{
    /// <summary>The machine changes the field <c>bypass</c>; false where it never does.</summary>
    public bool TryChangeBypass(bool bypass)
    {
        Iommu?.ChangeBypass(bypass);
        return Iommu is not null;
    }
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
    public static IRegisters Of(Subject subject, IVirtioDevice device, ShadowedMemory memory, VirtioFeatures features) =>
        Of(subject, device, memory, features, new(memory, null, null));

    /// <summary>The same in a machine of its own.</summary>
    public static IRegisters Of(Subject subject, IVirtioDevice device, ShadowedMemory memory, VirtioFeatures features, Surroundings around)
    {
        var rings = subject.Variation.RingMemory(around.Memory);
        if (!subject.InterceptsRegisters || subject.Configuration.IsLegacy) return new MmioRegisterFile(NewMmio(), around.Iommu);
        ModelSlot slot = subject.Configuration.Transport == ModelTransport.Pci
            ? new ModelPciSlot(new(device, rings, subject.Variation.PciOptions(new VirtioPciOptions { Features = features })), new DeviceLocation.PciFunction())
            : new ModelMmioSlot(NewMmio());
        return new InterceptedRegisters(subject.Variation.Machine(new ShadowedTarget(slot, memory) { ChangeBypass = around.TryChangeBypass }), memory) { MessagesAt = around.MessagesAt };

        VirtioMmioDevice NewMmio() => new(device, rings, new VirtioMmioOptions { Features = features });
    }
}

/// <summary>virtio-mmio, version 2, without anything in between.</summary>
internal sealed class MmioRegisterFile(VirtioMmioDevice device, IommuDevice? iommu) : IRegisters
{
    /// <summary>The device itself.</summary>
    public VirtioMmioDevice Device => device;

    public uint Get(uint register) => device.Get(register);

    public void Set(uint register, uint value) => device.Set(register, value);

    public ulong ReadConfig(int offset, int width) => device.Read((int)MmioRegister.Config + offset, width);

    public void WriteConfig(int offset, int width, ulong value) => device.Write((int)MmioRegister.Config + offset, width, value);

    public void SystemReset() => device.SystemReset();

    public void ChangeBypass(bool bypass) => iommu?.ChangeBypass(bypass);

    public ulong ReadHigherOffer()
    {
        Set(MmioRegister.DeviceFeaturesSel, 2);
        ulong low = Get(MmioRegister.DeviceFeatures);
        Set(MmioRegister.DeviceFeaturesSel, 3);
        return ((ulong)Get(MmioRegister.DeviceFeatures) << 32) | low;
    }
}
