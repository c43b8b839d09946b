using System.Diagnostics;

namespace Viommu.Guest.Targets.Qemu;

/// <summary>A real QEMU, driven through its qtest protocol while its processor is halted.</summary>
public sealed class QemuTarget : ITarget
{
    /// <summary>Where the first edu is; the second is in the slot above.</summary>
    internal const int FirstEduSlot = 0x10;

    // The processor is halted and never takes an interrupt.
    private const string InterruptController = "ioapic";

    private const int InterruptLine = 0x3c;
    private const uint EduBarSize = 0x10_0000;

    // A handler that QEMU defers runs on the next turn of its main loop, one deferred by that on the turn after; a round trip is
    // at least one turn. Virtual timers fire in the turn in which they expire, and virtual time jumps while the processor halts, but
    // it is the processor's thread that makes it jump: that needs the scheduler, hence the least time.
    private const int SettlingTurns = 16;
    private static readonly TimeSpan SettlingTime = TimeSpan.FromMilliseconds(2);

    private readonly QemuMachine _machine;
    private readonly QemuBoard _board;
    private readonly QtestClient _qtest;
    private readonly EduBusMaster[] _edus;
    private readonly TimeSpan _deadline;

    internal QemuTarget(QemuMachine machine, QemuBoard board, string version, string configuration, TimeSpan deadline)
    {
        _machine = machine;
        _board = board;
        _qtest = machine.Qtest;
        _deadline = deadline;
        Ram = _qtest.Transcript is { } transcript ? new TranscribedRam(machine.Ram, transcript) : machine.Ram;
        Identity = new("qemu", version, configuration);
        _qtest.Intercept(InterruptController);
        _edus = [Edu(0), Edu(1)];
        EnableEdus();

        EduBusMaster Edu(uint index) => new(this, EduFunction(index), board.FirstEduBar + (index * EduBarSize), deadline);
    }

    /// <inheritdoc/>
    public TargetIdentity Identity { get; }

    /// <inheritdoc/>
    public DeviceLocation Iommu => _board.Iommu;

    /// <inheritdoc/>
    public IGuestRam Ram { get; }

    /// <inheritdoc/>
    public AddressWindow BarWindow => _board.BarWindow;

    /// <inheritdoc/>
    public AddressWindow IoWindow => _board.IoWindow;

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
    /// <remarks><paramref name="offset"/> is below 256 and the access within four aligned bytes.</remarks>
    public uint ConfigRead(PciAddress function, int offset, int width)
    {
        using var _ = Transcript?.BeSilent();
        RequireConfig(offset, width);
        return _board.ConfigRead(_qtest, function, offset, width);
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
        _board.AskForReset(_qtest);
        Transcript?.Pause();
        if (!Await(() => ConfigRead(witness, InterruptLine, 1) == 0, _deadline))
            throw new TargetHungException($"QEMU did not reset the machine within {_deadline.TotalSeconds:0.###} s", LastWords);
        EnableEdus();
    }

    /// <inheritdoc/>
    public bool Await(Func<bool> condition, TimeSpan patience)
    {
        ArgumentNullException.ThrowIfNull(condition);
        var waiting = new WaitingTime();
        while (true)
        {
            var mark = Transcript?.Mark ?? 0;
            if (condition()) return true;
            if (waiting.Look() >= patience) return false;
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
        RequireConfig(offset, width);
        _board.PostConfigWrite(_qtest, function, offset, width, value);
    }

    /// <summary>Waits until an interrupt line is raised; false where it is not in time.</summary>
    internal bool AwaitRaised(int line, TimeSpan patience) => _qtest.AwaitRaised(line, patience);

    private static PciAddress EduFunction(uint index) => new(0, (byte)(FirstEduSlot + index), 0);

    private void EnableEdus()
    {
        foreach (var edu in _edus) edu.Enable();
    }

    private static void RequireConfig(int offset, int width)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, 0xff);
        if (width is not (1 or 2 or 4)) throw new ArgumentOutOfRangeException(nameof(width), width, "1, 2 or 4 bytes");
        if ((offset & 3) + width > 4)
            throw new ArgumentOutOfRangeException(nameof(offset), offset, "the access leaves its four aligned bytes");
    }
}
