using Viommu.Guest.Targets;

namespace Viommu.Conformance.Selftest;

/// <summary>Stands between the guest and a whole machine, and passes everything on. Interceptors of one transport's registers override a part.</summary>
internal abstract class TargetInterceptor(ITarget inner) : ITarget
{
    public TargetIdentity Identity => Inner.Identity;

    public DeviceLocation Iommu => Inner.Iommu;

    public IGuestRam Ram => Inner.Ram;

    public AddressWindow BarWindow => Inner.BarWindow;

    public AddressWindow IoWindow => Inner.IoWindow;

    public IReadOnlyList<IBusMaster> BusMasters => Inner.BusMasters;

    public bool CanSystemReset => Inner.CanSystemReset;

    public virtual bool? InterruptLine => Inner.InterruptLine;

    public string LastWords => Inner.LastWords;

    /// <summary>The reference device's machine.</summary>
    protected ITarget Inner { get; } = inner;

    public virtual byte[]? ReadViot() => Inner.ReadViot();

    public virtual uint ConfigRead(PciAddress function, int offset, int width) => Inner.ConfigRead(function, offset, width);

    public virtual void ConfigWrite(PciAddress function, int offset, int width, uint value) => Inner.ConfigWrite(function, offset, width, value);

    public virtual ulong MmioRead(ulong address, int width) => Inner.MmioRead(address, width);

    public virtual void MmioWrite(ulong address, int width, ulong value) => Inner.MmioWrite(address, width, value);

    public virtual uint IoRead(ushort port, int width) => Inner.IoRead(port, width);

    public virtual void IoWrite(ushort port, int width, uint value) => Inner.IoWrite(port, width, value);

    public virtual void SystemReset() => Inner.SystemReset();

    public virtual bool Await(Func<bool> condition, TimeSpan patience) => Inner.Await(condition, patience);

    public void Settle() => Inner.Settle();

    public virtual bool TryChangeBypass(bool bypass) => Inner.TryChangeBypass(bypass);

    public void Kill() => Inner.Kill();

    public void Dispose() => Inner.Dispose();
}
