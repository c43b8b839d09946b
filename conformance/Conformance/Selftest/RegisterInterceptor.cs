using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>
/// Stands between the guest and the registers of a modern virtio-iommu on PCI (4.1.4), and passes everything on. Broken devices
/// override a part; what they call on the base is the reference device.
/// </summary>
internal abstract class RegisterInterceptor(ITarget inner) : TargetInterceptor(inner)
{
    private PciFunction? function;
    private VirtioWindows? windows;

    /// <summary>The virtio-iommu's function, without what is intercepted.</summary>
    protected PciFunction Function => function ??= PciBus.FindIommu(Inner);

    // Found anew once configuration space was written to: that is how BARs move.
    private VirtioWindows Windows => windows ??= VirtioWindows.Find(Function);

    public override void ConfigWrite(PciAddress function, int offset, int width, uint value)
    {
        base.ConfigWrite(function, offset, width, value);
        windows = null;
    }

    public override ulong MmioRead(ulong address, int width)
    {
        if (Windows.Common.Holds(address)) return ReadRegister(new CommonField(Windows.Common.OffsetOf(address), width));
        if (Windows.Device.Holds(address)) return ReadConfig(Windows.Device.OffsetOf(address), width);
        if (Windows.Isr.Holds(address) && width == 1) return ReadIsr();
        return base.MmioRead(address, width);
    }

    public override void MmioWrite(ulong address, int width, ulong value)
    {
        if (Windows.Common.Holds(address)) WriteRegister(new CommonField(Windows.Common.OffsetOf(address), width), value);
        else if (Windows.Notify.Holds(address)) Notify(new Doorbell(address, width, value));
        else base.MmioWrite(address, width, value);
    }

    public override void SystemReset()
    {
        base.SystemReset();
        windows = null;
    }

    /// <summary>A read of the common configuration structure.</summary>
    protected virtual ulong ReadRegister(CommonField field) => field == CommonField.DeviceStatus ? (ulong)ReadStatus() : Real(field);

    /// <summary>A write to the common configuration structure.</summary>
    protected virtual void WriteRegister(CommonField field, ulong value)
    {
        if (field == CommonField.DeviceStatus) WriteStatus((DeviceStatus)value);
        else WriteReal(field, value);
    }

    /// <summary>A read of the device status.</summary>
    protected virtual DeviceStatus ReadStatus() => (DeviceStatus)Real(CommonField.DeviceStatus);

    /// <summary>A write of the device status.</summary>
    protected virtual void WriteStatus(DeviceStatus status) => WriteReal(CommonField.DeviceStatus, (ulong)status);

    /// <summary>A read of the device configuration.</summary>
    protected virtual ulong ReadConfig(uint offset, int width) => Inner.MmioRead(Windows.Device.First + offset, width);

    /// <summary>A read of the ISR status, which clears it.</summary>
    protected virtual ulong ReadIsr() => Inner.MmioRead(Windows.Isr.First, 1);

    /// <summary>A notification by the driver.</summary>
    protected virtual void Notify(Doorbell doorbell) => Inner.MmioWrite(doorbell.Address, doorbell.Width, doorbell.Value);

    /// <summary>What the reference device has in a register.</summary>
    protected ulong Real(CommonField field) => Inner.MmioRead(Windows.Common.First + field.Offset, field.Width);

    /// <summary>Writes a register of the reference device.</summary>
    protected void WriteReal(CommonField field, ulong value) => Inner.MmioWrite(Windows.Common.First + field.Offset, field.Width, value);

    /// <summary>The features that the driver has written to the reference device.</summary>
    protected ulong DriverFeatures() =>
        With(CommonField.DriverFeatureSelect, 0, () => Real(CommonField.DriverFeature))
        | With(CommonField.DriverFeatureSelect, 1, () => Real(CommonField.DriverFeature)) << 32;

    /// <summary>Does something with a register set as needed, and sets it back, so that the driver notices nothing.</summary>
    protected T With<T>(CommonField register, ulong value, Func<T> action)
    {
        var before = Real(register);
        WriteReal(register, value);
        var result = action();
        WriteReal(register, before);
        return result;
    }

    /// <summary>One write of the driver to the notification structure.</summary>
    protected readonly record struct Doorbell(ulong Address, int Width, ulong Value)
    {
        /// <summary>4.1.5.2: the low 16 bits are the virtqueue index, whatever else is negotiated to be written with them.</summary>
        public int Queue => (ushort)Value;
    }
}
