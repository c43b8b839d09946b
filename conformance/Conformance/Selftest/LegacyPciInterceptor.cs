using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>
/// Stands between the guest and the legacy configuration structure of a transitional virtio-iommu (4.1.4.10), and passes everything on.
/// Broken devices override a part; what they call on the base is the reference device.
/// </summary>
internal abstract class LegacyPciInterceptor(ITarget inner) : TargetInterceptor(inner)
{
    private const int Bar0 = 0x10;
    private const ushort Length = 0x80;
    private const uint MsixEnable = 1 << 15;

    private PciFunction? function;

    /// <summary>The virtio-iommu's function, without what is intercepted.</summary>
    protected PciFunction Function => function ??= PciBus.FindTransitionalIommu(Inner);

    private ushort Start => (ushort)(Function.Read(Bar0, 4) & 0xfffc);

    /// <summary>True while MSI-X is enabled, which moves the device configuration.</summary>
    protected bool IsMoved =>
        Function.Capabilities().FirstOrDefault(capability => capability.Id == PciCapability.MsiX) is { Offset: not 0 } msix
        && (Function.Read(msix.Offset + 2, 2) & MsixEnable) != 0;

    private ushort ConfigStart => IsMoved ? LegacyHeader.EndWithMsix : LegacyHeader.EndWithoutMsix;

    public override uint IoRead(ushort port, int width)
    {
        if (port < Start || port - Start >= Length) return base.IoRead(port, width);
        var offset = (ushort)(port - Start);
        return offset >= ConfigStart ? ReadConfig(offset - ConfigStart, width) : ReadField(new LegacyHeader(offset, width));
    }

    public override void IoWrite(ushort port, int width, uint value)
    {
        var offset = (ushort)(port - Start);
        if (port < Start || port - Start >= Length) base.IoWrite(port, width, value);
        else if (offset >= ConfigStart) WriteConfig(offset - ConfigStart, width, value);
        else WriteField(new LegacyHeader(offset, width), value);
    }

    /// <summary>A read of a field of the header.</summary>
    protected virtual uint ReadField(LegacyHeader field) => Real(field);

    /// <summary>A write to a field of the header.</summary>
    protected virtual void WriteField(LegacyHeader field, uint value)
    {
        if (field == LegacyHeader.DeviceStatus) WriteStatus((DeviceStatus)value);
        else if (field == LegacyHeader.QueueNotify) Notify((int)value);
        else WriteReal(field, value);
    }

    /// <summary>A write of the device status.</summary>
    protected virtual void WriteStatus(DeviceStatus status) => WriteReal(LegacyHeader.DeviceStatus, (uint)status);

    /// <summary>A notification by the driver.</summary>
    protected virtual void Notify(int queue) => WriteReal(LegacyHeader.QueueNotify, (uint)queue);

    /// <summary>A read of the device configuration.</summary>
    protected virtual uint ReadConfig(int offset, int width) => Inner.IoRead((ushort)(Start + ConfigStart + offset), width);

    /// <summary>A write of the device configuration.</summary>
    protected virtual void WriteConfig(int offset, int width, uint value) => Inner.IoWrite((ushort)(Start + ConfigStart + offset), width, value);

    /// <summary>What the reference device has in a field.</summary>
    protected uint Real(LegacyHeader field) => Inner.IoRead((ushort)(Start + field.Offset), field.Width);

    /// <summary>Writes a field of the reference device.</summary>
    protected void WriteReal(LegacyHeader field, uint value) => Inner.IoWrite((ushort)(Start + field.Offset), field.Width, value);
}
