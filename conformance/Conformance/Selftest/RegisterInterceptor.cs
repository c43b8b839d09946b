using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>
/// Stands between the guest and the registers of the virtio-iommu, and passes everything on. Broken devices override a part; what
/// they call on the base is the reference device.
/// </summary>
internal abstract class RegisterInterceptor(ITarget inner) : ITarget
{
    private PciFunction? function;
    private VirtioWindows? windows;

    public TargetIdentity Identity => inner.Identity;

    public DeviceLocation Iommu => inner.Iommu;

    public IGuestRam Ram => inner.Ram;

    public AddressWindow BarWindow => inner.BarWindow;

    public AddressWindow IoWindow => inner.IoWindow;

    public IReadOnlyList<IBusMaster> BusMasters => inner.BusMasters;

    public bool CanSystemReset => inner.CanSystemReset;

    public string LastWords => inner.LastWords;

    /// <summary>The virtio-iommu's function, without what is intercepted.</summary>
    protected PciFunction Function => function ??= PciBus.FindIommu(inner);

    // Found anew once configuration space was written to: that is how BARs move.
    private VirtioWindows Windows => windows ??= VirtioWindows.Find(Function);

    public virtual uint ConfigRead(PciAddress function, int offset, int width) => inner.ConfigRead(function, offset, width);

    public void ConfigWrite(PciAddress function, int offset, int width, uint value)
    {
        inner.ConfigWrite(function, offset, width, value);
        windows = null;
    }

    public ulong MmioRead(ulong address, int width)
    {
        if (Windows.Common.Holds(address)) return ReadRegister(new CommonField(Windows.Common.OffsetOf(address), width));
        if (Windows.Device.Holds(address)) return ReadConfig(Windows.Device.OffsetOf(address), width);
        return inner.MmioRead(address, width);
    }

    public void MmioWrite(ulong address, int width, ulong value)
    {
        if (Windows.Common.Holds(address)) WriteRegister(new CommonField(Windows.Common.OffsetOf(address), width), value);
        else if (Windows.Notify.Holds(address)) Notify(new Doorbell(address, width, value));
        else inner.MmioWrite(address, width, value);
    }

    public uint IoRead(ushort port, int width) => inner.IoRead(port, width);

    public void IoWrite(ushort port, int width, uint value) => inner.IoWrite(port, width, value);

    public virtual void SystemReset()
    {
        inner.SystemReset();
        windows = null;
    }

    public bool Await(Func<bool> condition, TimeSpan patience) => inner.Await(condition, patience);

    public void Settle() => inner.Settle();

    public void Kill() => inner.Kill();

    public void Dispose() => inner.Dispose();

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
    protected virtual ulong ReadConfig(uint offset, int width) => inner.MmioRead(Windows.Device.First + offset, width);

    /// <summary>A notification by the driver.</summary>
    protected virtual void Notify(Doorbell doorbell) => inner.MmioWrite(doorbell.Address, doorbell.Width, doorbell.Value);

    /// <summary>What the reference device has in a register.</summary>
    protected ulong Real(CommonField field) => inner.MmioRead(Windows.Common.First + field.Offset, field.Width);

    /// <summary>Writes a register of the reference device.</summary>
    protected void WriteReal(CommonField field, ulong value) => inner.MmioWrite(Windows.Common.First + field.Offset, field.Width, value);

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
