using Viommu.Conformance.Watching.Live;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>A driver that writes another status than it should, on modern PCI.</summary>
/// <param name="inner">What it drives.</param>
/// <param name="write">Given the status it should write, and what writes one.</param>
internal sealed class StatusTamper(WatchedTarget inner, Action<DeviceStatus, Action<DeviceStatus>> write) : DriverTamper(inner)
{
    protected override void Write(RegisterAccess access, Way way)
    {
        if (access.Space == RegisterSpace.PciCommon && access.Offset == CommonField.DeviceStatus.Offset)
            write((DeviceStatus)access.Value, status => way.Pass(access with { Value = (ulong)status }));
        else way.Pass(access);
    }
}
