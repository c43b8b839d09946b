using Viommu.Conformance.Watching.Live;
using Viommu.Guest.Transport;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>A driver that writes something else than it should to a field of the common configuration of modern PCI (4.1.4.3).</summary>
/// <param name="inner">What it drives.</param>
/// <param name="field">The field.</param>
/// <param name="write">Given the value that it should write, and what writes one.</param>
internal sealed class CommonTamper(WatchedTarget inner, CommonField field, Action<ulong, Action<ulong>> write) : DriverTamper(inner)
{
    protected override void Write(RegisterAccess access, Way way)
    {
        if (access.Space == RegisterSpace.PciCommon && access.Offset == field.Offset) write(access.Value, value => way.Pass(access with { Value = value }));
        else way.Pass(access);
    }
}
