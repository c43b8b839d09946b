using Viommu.Conformance.Watching.Live;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>
/// Stands between a driver and all that it drives, and passes everything on. Broken drivers override a part: register accesses come
/// classified, so that a rule that no transport has to itself is broken on all of them alike.
/// </summary>
internal abstract class DriverTamper : ITarget
{
    private readonly WatchedTarget inner;
    private readonly TamperedRam ram;

    protected DriverTamper(WatchedTarget inner)
    {
        this.inner = inner;
        ram = new TamperedRam(this, inner.Ram);
    }

    public TargetIdentity Identity => inner.Identity;

    public DeviceLocation Iommu => inner.Iommu;

    public IGuestRam Ram => ram;

    public AddressWindow BarWindow => inner.BarWindow;

    public AddressWindow IoWindow => inner.IoWindow;

    public IReadOnlyList<IBusMaster> BusMasters => inner.BusMasters;

    public bool CanSystemReset => inner.CanSystemReset;

    public bool? InterruptLine => inner.InterruptLine;

    public string LastWords => inner.LastWords;

    public uint ConfigRead(PciAddress function, int offset, int width) =>
        inner.Map.IsIommu(function)
            ? (uint)Read(new RegisterAccess(RegisterSpace.PciConfiguration, (uint)offset, width, 0, IsWrite: false), new Way(at => inner.ConfigRead(function, (int)at.Offset, at.Width)))
            : inner.ConfigRead(function, offset, width);

    public void ConfigWrite(PciAddress function, int offset, int width, uint value)
    {
        if (inner.Map.IsIommu(function))
            Write(new RegisterAccess(RegisterSpace.PciConfiguration, (uint)offset, width, value, IsWrite: true), new Way(at => Done(() => inner.ConfigWrite(function, (int)at.Offset, at.Width, (uint)at.Value))));
        else inner.ConfigWrite(function, offset, width, value);
    }

    public ulong MmioRead(ulong address, int width) => inner.Map.Memory(address, width, 0, isWrite: false) is { } access
        ? Read(access, new Way(at => inner.MmioRead(address + at.Offset - access.Offset, at.Width)))
        : inner.MmioRead(address, width);

    public void MmioWrite(ulong address, int width, ulong value)
    {
        if (inner.Map.Memory(address, width, value, isWrite: true) is { } access)
            Write(access, new Way(at => Done(() => inner.MmioWrite(address + at.Offset - access.Offset, at.Width, at.Value))));
        else inner.MmioWrite(address, width, value);
    }

    public uint IoRead(ushort port, int width) => inner.Map.Io(port, width, 0, isWrite: false) is { } access
        ? (uint)Read(access, new Way(at => inner.IoRead((ushort)(port + at.Offset - access.Offset), at.Width)))
        : inner.IoRead(port, width);

    public void IoWrite(ushort port, int width, uint value)
    {
        if (inner.Map.Io(port, width, value, isWrite: true) is { } access)
            Write(access, new Way(at => Done(() => inner.IoWrite((ushort)(port + at.Offset - access.Offset), at.Width, (uint)at.Value))));
        else inner.IoWrite(port, width, value);
    }

    public virtual void SystemReset() => inner.SystemReset();

    public virtual bool Await(Func<bool> condition, TimeSpan patience) => inner.Await(condition, patience);

    public virtual void Settle() => inner.Settle();

    public byte[]? ReadViot() => inner.ReadViot();

    public bool TryChangeBypass(bool bypass) => inner.TryChangeBypass(bypass);

    public void Kill() => inner.Kill();

    public void Dispose() => inner.Dispose();

    /// <summary>The driver reads a register; <paramref name="way"/> leads to the device, also with another offset or width in the same structure.</summary>
    protected virtual ulong Read(RegisterAccess access, Way way) => way.Pass(access);

    /// <summary>The driver writes a register; <paramref name="way"/> leads to the device, also with another value, offset or width.</summary>
    protected virtual void Write(RegisterAccess access, Way way) => way.Pass(access);

    /// <summary>The driver writes guest memory.</summary>
    protected virtual void WriteRam(ulong address, ReadOnlySpan<byte> bytes) => PassRam(address, bytes);

    /// <summary>Writes guest memory.</summary>
    protected void PassRam(ulong address, ReadOnlySpan<byte> bytes) => inner.Ram.Write(address, bytes);

    private static ulong Done(Action write)
    {
        write();
        return 0;
    }

    /// <summary>The way of an access to the device.</summary>
    protected internal sealed class Way(Func<RegisterAccess, ulong> pass)
    {
        /// <summary>Makes the access; the value that a read gives.</summary>
        public ulong Pass(RegisterAccess access) => pass(access);
    }

    private sealed class TamperedRam(DriverTamper tamper, IGuestRam inner) : IGuestRam
    {
        public AddressWindow Window => inner.Window;

        public void Read(ulong address, Span<byte> into) => inner.Read(address, into);

        public void Write(ulong address, ReadOnlySpan<byte> bytes) => tamper.WriteRam(address, bytes);
    }
}
