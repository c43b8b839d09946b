using Viommu.Conformance.Watching.Live;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>A driver that makes other register accesses than it should.</summary>
/// <param name="inner">What it drives.</param>
internal sealed class AccessTamper(WatchedTarget inner) : DriverTamper(inner)
{
    /// <summary>Given the read that it should make, and what makes one: the value that it takes for the register's.</summary>
    public Func<RegisterAccess, Func<RegisterAccess, ulong>, ulong> Reads { get; init; } = (access, pass) => pass(access);

    /// <summary>Given the write that it should make, and what makes one.</summary>
    public Action<RegisterAccess, Action<RegisterAccess>> Writes { get; init; } = (access, pass) => pass(access);

    protected override ulong Read(RegisterAccess access, Way way) => Reads(access, way.Pass);

    protected override void Write(RegisterAccess access, Way way) => Writes(access, changed => way.Pass(changed));
}
