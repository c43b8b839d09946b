using Viommu.Conformance.Watching.Live;
using Viommu.Guest;
using Viommu.Guest.Transport;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>A driver that makes other register accesses than it should, or takes what it reads for something else.</summary>
/// <param name="inner">What it drives.</param>
internal sealed class RegisterTamper(WatchedTarget inner) : DriverTamper(inner)
{
    /// <summary>The writes that it makes in place of one.</summary>
    public Func<RegisterAccess, IEnumerable<RegisterAccess>> Writes { get; init; } = access => [access];

    /// <summary>The read that it makes in place of another.</summary>
    public Func<RegisterAccess, RegisterAccess> Reads { get; init; } = access => access;

    /// <summary>What it takes the value of a read for; the access is as it was meant.</summary>
    public Func<RegisterAccess, ulong, ulong> Believes { get; init; } = (_, value) => value;

    protected override ulong Read(RegisterAccess access, Way way) => Believes(access, way.Pass(Reads(access)));

    protected override void Write(RegisterAccess access, Way way)
    {
        foreach (var made in Writes(access)) way.Pass(made);
    }

    /// <summary>True for a write of a field of the common configuration.</summary>
    public static bool IsWriteOf(CommonField field, RegisterAccess access) => access is { Space: RegisterSpace.PciCommon, IsWrite: true } && access.Offset == field.Offset;

    /// <summary>A driver that does not take the device into use.</summary>
    public static RegisterTamper Refusing(WatchedTarget inner) => new(inner)
    {
        Writes = access => IsWriteOf(CommonField.DeviceStatus, access) ? throw new GuestSetupException("the driver knows no such device") : [access],
    };
}
