using System.Diagnostics;

namespace Viommu.Guest.Targets.Qemu;

/// <summary>A real QEMU, driven through its qtest protocol while its processor is halted.</summary>
public sealed class QemuTarget : ITarget
{
    /// <summary>Where the virtio-iommu-pci is.</summary>
    internal const int IommuSlot = 0x02;

    /// <summary>Where the first edu is; the second is in the slot above.</summary>
    internal const int FirstEduSlot = 0x10;

    private const int ConfigAddressPort = 0xcf8;
    private const int ConfigDataPort = 0xcfc;
    private const int ResetControlPort = 0xcf9;

    // ICH9 Reset Control Register: bit 1 selects a hard reset, the rise of bit 2 performs it.
    private const uint HardReset = 0x02;
    private const uint HardResetNow = 0x06;

    // The processor is halted and never takes an interrupt.
    private const string InterruptController = "ioapic";

    private const int InterruptLine = 0x3c;
    private const uint FirstEduBar = 0xe800_0000;
    private const uint EduBarSize = 0x10_0000;

    // A handler that QEMU defers runs on the next turn of its main loop, one deferred by that on the turn after; a round trip is
    // at least one turn. Virtual timers fire in the turn in which they expire, and virtual time jumps while the processor halts, but
    // it is the processor's thread that makes it jump: that needs the scheduler, hence the least time.
    private const int SettlingTurns = 16;
    private static readonly TimeSpan SettlingTime = TimeSpan.FromMilliseconds(2);

    private readonly QemuMachine _machine;
    private readonly QtestClient _qtest;
    private readonly EduBusMaster[] _edus;
    private readonly TimeSpan _deadline;

    internal QemuTarget(QemuMachine machine, string version, string configuration, TimeSpan deadline)
    {
        _machine = machine;
        _qtest = machine.Qtest;
        _deadline = deadline;
        Ram = _qtest.Transcript is { } transcript ? new TranscribedRam(machine.Ram, transcript) : machine.Ram;
        Identity = new("qemu", version, configuration);
        _qtest.Intercept(InterruptController);
        _edus = [Edu(0), Edu(1)];
        EnableEdus();

        EduBusMaster Edu(uint index) => new(this, EduFunction(index), FirstEduBar + (index * EduBarSize), deadline);
    }

    /// <inheritdoc/>
    public TargetIdentity Identity { get; }

    /// <inheritdoc/>
    public DeviceLocation Iommu { get; } = new DeviceLocation.PciFunction();

    /// <inheritdoc/>
    public IGuestRam Ram { get; }

    /// <inheritdoc/>
    public AddressWindow BarWindow { get; } = new(0xe000_0000, FirstEduBar - 1);

    /// <inheritdoc/>
    public AddressWindow IoWindow { get; } = new(0xc000, 0xcfff);

    /// <inheritdoc/>
    public IReadOnlyList<IBusMaster> BusMasters => _edus;

    /// <inheritdoc/>
    public bool CanSystemReset => true;

    /// <inheritdoc/>
    public string LastWords => _machine.LastWords;

    /// <summary>Where what is done is kept; null where nobody asked for that.</summary>
    internal QtestTranscript? Transcript => _qtest.Transcript;

    /// <summary>The id of the QEMU process.</summary>
    internal int ProcessId => _machine.ProcessId;

    /// <summary>Times that something was sent to QEMU and its answers were waited for.</summary>
    internal long RoundTrips => _qtest.RoundTrips;

    /// <summary>The interrupt line that was raised last; null where none was.</summary>
    internal int? LastRaised => _qtest.LastRaised;

    /// <inheritdoc/>
    public byte[]? ReadViot() => new FirmwareConfiguration(this).FindTable("VIOT"u8);

    /// <inheritdoc/>
    /// <remarks>Through ports 0xcf8 and 0xcfc: <paramref name="offset"/> is below 256 and the access within four aligned bytes.</remarks>
    public uint ConfigRead(PciAddress function, int offset, int width)
    {
        using var _ = Transcript?.BeSilent();
        SelectConfig(function, offset, width);
        return _qtest.In(ConfigDataPort + (offset & 3), width);
    }

    /// <inheritdoc/>
    /// <remarks>As <see cref="ConfigRead"/>.</remarks>
    public void ConfigWrite(PciAddress function, int offset, int width, uint value)
    {
        PostConfigWrite(function, offset, width, value);
        _qtest.Ping();
    }

    /// <inheritdoc/>
    public ulong MmioRead(ulong address, int width) => _qtest.Read(address, width);

    /// <inheritdoc/>
    public void MmioWrite(ulong address, int width, ulong value) => _qtest.Write(address, width, value);

    /// <inheritdoc/>
    public uint IoRead(ushort port, int width) => _qtest.In(port, width);

    /// <inheritdoc/>
    public void IoWrite(ushort port, int width, uint value) => _qtest.Out(port, width, value);

    /// <inheritdoc/>
    public void SystemReset()
    {
        // The reset happens after the write that asks for it has been answered. A register that nothing but a reset clears tells when.
        var witness = EduFunction(0);
        PostConfigWrite(witness, InterruptLine, 1, 0xff);
        _qtest.PostOut(ResetControlPort, 1, HardReset);
        _qtest.Out(ResetControlPort, 1, HardResetNow);
        Transcript?.Pause();
        if (!Await(() => ConfigRead(witness, InterruptLine, 1) == 0, _deadline))
            throw new TargetHungException($"QEMU did not reset the machine within {_deadline.TotalSeconds:0.###} s", LastWords);
        EnableEdus();
    }

    /// <inheritdoc/>
    public bool Await(Func<bool> condition, TimeSpan patience)
    {
        ArgumentNullException.ThrowIfNull(condition);
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var mark = Transcript?.Mark ?? 0;
            if (condition()) return true;
            if (clock.Elapsed >= patience) return false;
            Transcript?.Unsee(mark);
            _qtest.Ping();
        }
    }

    /// <inheritdoc/>
    public void Settle()
    {
        var clock = Stopwatch.StartNew();
        for (var turn = 0; turn < SettlingTurns || clock.Elapsed < SettlingTime; turn++) _qtest.Ping();
    }

    /// <inheritdoc/>
    public void Kill() => _machine.Kill();

    /// <inheritdoc/>
    public void Dispose() => _machine.Dispose();

    /// <summary>As <see cref="MmioWrite"/>, sent along with the next access.</summary>
    internal void PostMmioWrite(ulong address, int width, ulong value) => _qtest.PostWrite(address, width, value);

    /// <summary>As <see cref="ConfigWrite"/>, sent along with the next access.</summary>
    internal void PostConfigWrite(PciAddress function, int offset, int width, uint value)
    {
        SelectConfig(function, offset, width);
        _qtest.PostOut(ConfigDataPort + (offset & 3), width, value);
    }

    /// <summary>Waits until an interrupt line is raised; false where it is not in time.</summary>
    internal bool AwaitRaised(int line, TimeSpan patience) => _qtest.AwaitRaised(line, patience);

    private static PciAddress EduFunction(uint index) => new(0, (byte)(FirstEduSlot + index), 0);

    private void EnableEdus()
    {
        foreach (var edu in _edus) edu.Enable();
    }

    private void SelectConfig(PciAddress function, int offset, int width)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, 0xff);
        if (width is not (1 or 2 or 4)) throw new ArgumentOutOfRangeException(nameof(width), width, "1, 2 or 4 bytes");
        if ((offset & 3) + width > 4)
            throw new ArgumentOutOfRangeException(nameof(offset), offset, "the access leaves its four aligned bytes");
        _qtest.PostOut(ConfigAddressPort, 4, 0x8000_0000 | ((uint)function.RequesterId << 8) | (uint)(offset & ~3));
    }
}
