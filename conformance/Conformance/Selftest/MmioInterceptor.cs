using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>
/// Stands between the guest and the registers of a virtio-iommu on virtio-mmio, version 2 (4.2.2) or 1 (4.2.4), and passes everything on.
/// Broken devices override a part; what they call on the base is the reference device.
/// </summary>
internal abstract class MmioInterceptor(ITarget inner) : TargetInterceptor(inner)
{
    private const ulong Length = 0x200;

    private readonly ulong start = ((DeviceLocation.MmioSlot)inner.Iommu).Address;

    /// <summary>What the driver last wrote to QueueSel.</summary>
    protected uint Queue { get; private set; }

    /// <summary>True while DRIVER_OK is set.</summary>
    protected bool IsRunning => (ReadStatus() & DeviceStatus.DriverOk) != 0;

    public override ulong MmioRead(ulong address, int width)
    {
        if (address < start || address - start >= Length) return base.MmioRead(address, width);
        var offset = (uint)(address - start);
        return offset >= MmioRegister.Config ? ReadConfig(offset - MmioRegister.Config, width) : ReadRegister(offset);
    }

    public override void MmioWrite(ulong address, int width, ulong value)
    {
        var offset = (uint)(address - start);
        if (address < start || address - start >= Length) base.MmioWrite(address, width, value);
        else if (offset >= MmioRegister.Config) WriteConfig(offset - MmioRegister.Config, width, value);
        else WriteRegister(offset, (uint)value);
    }

    /// <summary>A read of a control register.</summary>
    protected virtual uint ReadRegister(uint register) => register == MmioRegister.Status ? (uint)ReadStatus() : Real(register);

    /// <summary>A write to a control register.</summary>
    protected virtual void WriteRegister(uint register, uint value)
    {
        if (register == MmioRegister.QueueSel) Queue = value;
        if (register == MmioRegister.Status) WriteStatus((DeviceStatus)value);
        else if (register == MmioRegister.QueueNotify) Notify(value);
        else WriteReal(register, value);
    }

    /// <summary>A read of the device status.</summary>
    protected virtual DeviceStatus ReadStatus() => (DeviceStatus)Real(MmioRegister.Status);

    /// <summary>A write of the device status.</summary>
    protected virtual void WriteStatus(DeviceStatus status) => WriteReal(MmioRegister.Status, (uint)status);

    /// <summary>A notification by the driver: the number of a queue.</summary>
    protected virtual void Notify(uint value) => WriteReal(MmioRegister.QueueNotify, value);

    /// <summary>A read of the device configuration.</summary>
    protected virtual ulong ReadConfig(uint offset, int width) => Inner.MmioRead(start + MmioRegister.Config + offset, width);

    /// <summary>A write of the device configuration.</summary>
    protected virtual void WriteConfig(uint offset, int width, ulong value) => Inner.MmioWrite(start + MmioRegister.Config + offset, width, value);

    /// <summary>What the reference device has in a register.</summary>
    protected uint Real(uint register) => (uint)Inner.MmioRead(start + register, 4);

    /// <summary>Writes a register of the reference device.</summary>
    protected void WriteReal(uint register, uint value) => Inner.MmioWrite(start + register, 4, value);

    /// <summary>What the reference device has in a register of a queue, which the driver need not have selected.</summary>
    protected uint RealOf(uint queue, uint register)
    {
        WriteReal(MmioRegister.QueueSel, queue);
        var value = Real(register);
        WriteReal(MmioRegister.QueueSel, Queue);
        return value;
    }

    /// <summary>Writes a register of a queue of the reference device, which the driver need not have selected.</summary>
    protected void WriteRealOf(uint queue, uint register, uint value)
    {
        WriteReal(MmioRegister.QueueSel, queue);
        WriteReal(register, value);
        WriteReal(MmioRegister.QueueSel, Queue);
    }
}
