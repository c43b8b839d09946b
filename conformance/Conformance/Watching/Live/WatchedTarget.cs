using Viommu.Conformance.Watching.Registers;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;

namespace Viommu.Conformance.Watching.Live;

/// <summary>
/// Stands between a driver and its machine and tells a watcher of everything that passes: each register access, each write to guest
/// memory, and what the device returns. It changes nothing. A driver in a machine elsewhere writes its memory unseen, and firmware as well as
/// the driver looks at configuration space: of such a one the rings are looked at when the device is about to.
/// </summary>
internal sealed class WatchedTarget : ITarget
{
    private readonly ITarget inner;
    private readonly Watcher watcher;
    private readonly WatchedQueues queues;
    private readonly RegisterMap map;
    private readonly IRegisterDecoder decoder;
    private readonly Sight sight;
    private uint interrupts;

    /// <summary>Begins a session of <paramref name="watcher"/>.</summary>
    /// <param name="inner">The machine.</param>
    /// <param name="watcher">Who is told.</param>
    /// <param name="name">What is driven, for evidence.</param>
    /// <param name="sight">What of the driver's doings comes through here.</param>
    public WatchedTarget(ITarget inner, Watcher watcher, string name, Sight sight = Sight.Live)
    {
        this.inner = inner;
        this.watcher = watcher;
        this.sight = sight;
        queues = new WatchedQueues(inner.Ram, watcher.History, watcher.See);
        map = new RegisterMap(inner);
        Ram = Sees(Sight.Memory) ? new WatchedRam(inner.Ram, queues) : inner.Ram;
        BusMasters = [.. inner.BusMasters.Select(master => new WatchedBusMaster(master, queues))];
        decoder = map.Transport switch
        {
            WatchedTransport.Pci => new PciDecoder(watcher.History),
            WatchedTransport.LegacyPci => new LegacyIoDecoder(() => map.IsMsixEnabled),
            _ => new MmioDecoder(),
        };
        watcher.See(new SessionStarted(name, map.Transport, sight)
        {
            IsPowerOn = true,
            Ram = Sees(Sight.MemoryMap) ? inner.Ram.Window : null,
            Registers = Sees(Sight.MemoryMap) ? [inner.BarWindow, .. inner.Iommu is DeviceLocation.MmioSlot slot ? [RegisterMap.MmioWindow(slot)] : (AddressWindow[])[]] : [],
            ConfigLength = map.ConfigLength,
            PciConfiguration = map.ReadConfiguration(),
        });
    }

    public TargetIdentity Identity => inner.Identity;

    public DeviceLocation Iommu => inner.Iommu;

    public IGuestRam Ram { get; }

    public AddressWindow BarWindow => inner.BarWindow;

    public AddressWindow IoWindow => inner.IoWindow;

    public IReadOnlyList<IBusMaster> BusMasters { get; }

    public bool CanSystemReset => inner.CanSystemReset;

    public bool? InterruptLine => inner.InterruptLine;

    public string LastWords => inner.LastWords;

    /// <summary>Which accesses are to the registers of the device.</summary>
    public RegisterMap Map => map;

    public uint ConfigRead(PciAddress function, int offset, int width)
    {
        var value = inner.ConfigRead(function, offset, width);
        if (Sees(Sight.PciConfiguration) && map.IsIommu(function)) Tell(new RegisterAccess(RegisterSpace.PciConfiguration, (uint)offset, width, value, IsWrite: false));
        return value;
    }

    public void ConfigWrite(PciAddress function, int offset, int width, uint value)
    {
        if (Sees(Sight.PciConfiguration) && map.IsIommu(function)) Tell(new RegisterAccess(RegisterSpace.PciConfiguration, (uint)offset, width, value, IsWrite: true));
        inner.ConfigWrite(function, offset, width, value);
        map.ConfigurationWritten();
        LookAround();
    }

    public ulong MmioRead(ulong address, int width)
    {
        var value = inner.MmioRead(address, width);
        Tell(map.Memory(address, width, value, isWrite: false));
        return value;
    }

    public void MmioWrite(ulong address, int width, ulong value)
    {
        LookAhead();
        Tell(map.Memory(address, width, value, isWrite: true));
        inner.MmioWrite(address, width, value);
        LookAround();
    }

    public uint IoRead(ushort port, int width)
    {
        var value = inner.IoRead(port, width);
        Tell(map.Io(port, width, value, isWrite: false));
        return value;
    }

    public void IoWrite(ushort port, int width, uint value)
    {
        LookAhead();
        Tell(map.Io(port, width, value, isWrite: true));
        inner.IoWrite(port, width, value);
        LookAround();
    }

    public void SystemReset()
    {
        watcher.See(new SystemWasReset());
        inner.SystemReset();
        map.ConfigurationWritten();
        queues.Follow();
    }

    public bool Await(Func<bool> condition, TimeSpan patience)
    {
        if (Sees(Sight.Memory)) watcher.See(new DriverWaits());
        var holds = inner.Await(condition, patience);
        queues.LookForUsed();
        return holds;
    }

    public void Settle()
    {
        if (Sees(Sight.Memory)) watcher.See(new DriverWaits());
        inner.Settle();
        queues.LookForUsed();
    }

    public byte[]? ReadViot() => inner.ReadViot();

    public bool TryChangeBypass(bool bypass)
    {
        var changed = inner.TryChangeBypass(bypass);
        LookAround();
        return changed;
    }

    public void Kill() => inner.Kill();

    public void Dispose() => inner.Dispose();

    /// <summary>
    /// Looks at rings whose writes are not seen: before the driver tells the device anything, and once more when it has done all that it was
    /// going to do.
    /// </summary>
    public void LookAhead()
    {
        if (Sees(Sight.Memory)) return;
        queues.LookForUsed();
        queues.LookForAvailable();
    }

    /// <summary>Looks at what the device may have done: used buffers, interrupts.</summary>
    public void LookAround()
    {
        queues.LookForUsed();
        if (map.PendingInterrupts() is not { } pending) return;
        var raised = pending & ~interrupts;
        interrupts = pending;
        if (raised != 0) watcher.See(new InterruptRaised((Notifications)raised));
    }

    private void Tell(RegisterAccess? access)
    {
        if (access is null) return;
        if (access is { Space: RegisterSpace.Mmio, Offset: MmioRegister.GuestPageSize, IsWrite: true }) queues.GuestPageSize = (uint)access.Value;
        watcher.See(access);
        foreach (var seen in decoder.Decode(access)) watcher.See(seen);
        queues.Follow();
    }

    private bool Sees(Sight what) => (sight & what) == what;
}
