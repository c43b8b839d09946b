namespace Viommu.Guest.Targets.Qemu;

/// <summary>QEMU's teaching device (1234:11e8) as a DMA engine between guest memory and its buffer.</summary>
internal sealed class EduBusMaster(QemuTarget target, PciAddress function, uint bar, TimeSpan deadline) : IBusMaster
{
    // QEMU's docs/specs/edu: registers of the memory BAR, and bits of the command register.
    private const ulong Identification = 0x00;
    private const ulong RaiseInterrupt = 0x60;
    private const ulong AcknowledgeInterrupt = 0x64;
    private const ulong Source = 0x80;
    private const ulong Destination = 0x88;
    private const ulong Count = 0x90;
    private const ulong Command = 0x98;
    private const ulong Buffer = 0x40000;
    private const ulong Run = 1;
    private const ulong FromBuffer = 2;
    private const ulong InterruptWhenDone = 4;
    private const ulong DoneInterrupt = 0x100;
    private const ulong TrialInterrupt = 1;

    private const int PciCommand = 0x04;
    private const int PciBar0 = 0x10;
    private const uint MemorySpaceAndBusMaster = 6;

    // Long enough that an interrupt comes in time wherever interrupts come.
    private static readonly TimeSpan _interruptPatience = TimeSpan.FromMilliseconds(20);

    private int? _line;

    /// <inheritdoc/>
    public uint EndpointId => function.RequesterId;

    /// <inheritdoc/>
    /// <remarks>
    /// One byte less than the device has: in QEMU 7.2 its bounds check takes the end for inclusive, and a transfer that touches
    /// the last byte ends the process.
    /// </remarks>
    public int BufferSize => 4095;

    /// <summary>Maps the registers and allows DMA, as after each reset of the machine.</summary>
    public void Enable()
    {
        target.PostConfigWrite(function, PciBar0, 4, bar);
        target.PostConfigWrite(function, PciCommand, 2, MemorySpaceAndBusMaster);
        if (_line is null) FindLine();
    }

    /// <inheritdoc/>
    public void Load(ulong iova, int bufferOffset, int length) => Transfer(iova, Buffer + At(bufferOffset, length), length, Run);

    /// <inheritdoc/>
    public void Store(ulong iova, int bufferOffset, int length) =>
        Transfer(Buffer + At(bufferOffset, length), iova, length, Run | FromBuffer);

    private void Transfer(ulong source, ulong destination, int length, ulong command)
    {
        target.PostMmioWrite(bar + AcknowledgeInterrupt, 4, DoneInterrupt);
        target.PostMmioWrite(bar + Source, 8, source);
        target.PostMmioWrite(bar + Destination, 8, destination);
        target.PostMmioWrite(bar + Count, 8, (ulong)length);
        target.MmioWrite(bar + Command, 8, command | InterruptWhenDone);
        // The device starts 100 ms of virtual time later, which the halted processor lets pass at once. It is the processor's thread that
        // does, and whoever asks again and again whether it has keeps it from doing so.
        target.Transcript?.Pause();
        using var _ = target.Transcript?.BeSilent();
        var waiting = new WaitingTime();
        while (!IsDone())
        {
            if (waiting.Look() > deadline)
                throw new TargetHungException(
                    $"edu at {function} did not end a DMA within {deadline.TotalSeconds:0.###} s", target.LastWords);
        }
    }

    private bool IsDone() =>
        (_line is { } line && target.AwaitRaised(line, _interruptPatience)) || (target.MmioRead(bar + Command, 8) & Run) == 0;

    // Which line it is depends on the machine: it is tried out.
    private void FindLine()
    {
        using var _ = target.Transcript?.BeSilent();
        target.PostMmioWrite(bar + RaiseInterrupt, 4, TrialInterrupt);
        target.MmioRead(bar + Identification, 4);
        _line = target.LastRaised;
        target.MmioWrite(bar + AcknowledgeInterrupt, 4, TrialInterrupt);
    }

    private ulong At(int bufferOffset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bufferOffset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, BufferSize - bufferOffset);
        return (ulong)bufferOffset;
    }
}
