using Viommu.Device.Topology;
using Viommu.Device.Transport.Mmio;
using Viommu.Device.Transport.Pci;

namespace Viommu.Guest.Targets.Model;

/// <summary>Where the model is in its machine: which of the guest's accesses reach it. Those that reach nothing are false.</summary>
internal abstract class ModelSlot
{
    public abstract DeviceLocation Location { get; }

    /// <summary>The same place as firmware describes it.</summary>
    public abstract IommuLocation Place { get; }

    public abstract bool InterruptLine { get; }

    public virtual bool TryConfigRead(PciAddress function, int offset, int width, out uint value)
    {
        value = 0;
        return false;
    }

    public virtual void ConfigWrite(PciAddress function, int offset, int width, uint value)
    {
    }

    public virtual bool TryIoRead(ushort port, int width, out uint value)
    {
        value = 0;
        return false;
    }

    public virtual void IoWrite(ushort port, int width, uint value)
    {
    }

    public abstract bool TryMmioRead(ulong address, int width, out ulong value);

    public abstract void MmioWrite(ulong address, int width, ulong value);

    public abstract void SystemReset();
}

/// <summary>A PCI function at 00:03.0.</summary>
internal sealed class ModelPciSlot(VirtioPciFunction device, DeviceLocation location) : ModelSlot
{
    private static readonly PciAddress Address = new(0, 3, 0);

    public override DeviceLocation Location => location;

    public override IommuLocation Place { get; } = new IommuLocation.Pci(0, new PciBdf(Address.RequesterId));

    public override bool InterruptLine => device.IsIntxAsserted;

    public override bool TryConfigRead(PciAddress function, int offset, int width, out uint value)
    {
        value = function == Address ? device.ConfigRead(offset, width) : 0;
        return function == Address;
    }

    public override void ConfigWrite(PciAddress function, int offset, int width, uint value)
    {
        if (function == Address) device.ConfigWrite(offset, width, value);
    }

    public override bool TryIoRead(ushort port, int width, out uint value) => device.TryIoRead(port, width, out value);

    public override void IoWrite(ushort port, int width, uint value) => device.TryIoWrite(port, width, value);

    public override bool TryMmioRead(ulong address, int width, out ulong value) => device.TryMmioRead(address, width, out value);

    public override void MmioWrite(ulong address, int width, ulong value) => device.TryMmioWrite(address, width, value);

    public override void SystemReset() => device.SystemReset();
}

/// <summary>A register space at a fixed address, above guest memory.</summary>
internal sealed class ModelMmioSlot(VirtioMmioDevice device) : ModelSlot
{
    private const ulong Address = 0x0a00_0000;

    public override DeviceLocation Location { get; } = new DeviceLocation.MmioSlot(Address);

    public override IommuLocation Place { get; } = new IommuLocation.Mmio(Address);

    public override bool InterruptLine => device.InterruptAsserted;

    public override bool TryMmioRead(ulong address, int width, out ulong value)
    {
        value = IsInside(address) ? device.Read((int)(address - Address), width) : 0;
        return IsInside(address);
    }

    public override void MmioWrite(ulong address, int width, ulong value)
    {
        if (IsInside(address)) device.Write((int)(address - Address), width, value);
    }

    public override void SystemReset() => device.SystemReset();

    private static bool IsInside(ulong address) => address is >= Address and < Address + VirtioMmioDevice.Length;
}
