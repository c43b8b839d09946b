using System.ComponentModel;
using System.Globalization;
using System.Net.Sockets;
using Viommu.Guest.Targets.Processes;

namespace Viommu.Guest.Targets.Qemu;

/// <summary>
/// A running QEMU with our end of its qtest connection and of its memory. From the moment it is up nothing of it is in the file
/// system, so nothing can be left there.
/// </summary>
internal sealed class QemuMachine : IDisposable
{
    // QEMU says this of each machine whose virtual time is not tied to real time, which is how we start it.
    private const string IcountWarning = "warning: icount sleep disabled and no active timers";

    private readonly PrivateDirectory _directory;
    private readonly Lock _gate = new();
    private ChildProcess? _child;
    private QtestClient? _qtest;
    private bool _disposed;

    private QemuMachine()
    {
        Ram = SharedRam.CreateWhereThereIsRoom(out _directory);
        AppDomain.CurrentDomain.ProcessExit += EndWithProcess;
    }

    /// <summary>Guest memory.</summary>
    public SharedRam Ram { get; }

    /// <summary>The connection.</summary>
    public QtestClient Qtest => _qtest!;

    /// <summary>The process's id.</summary>
    public int ProcessId => _child!.Id;

    /// <summary>What QEMU last wrote.</summary>
    public string LastWords => _child!.LastWords;

    /// <summary>
    /// Starts a machine with these devices, each the argument of a <c>-device</c>; it has <paramref name="patience"/> for that. Throws
    /// <see cref="TargetUnavailableException"/>.
    /// </summary>
    public static QemuMachine Start(
        QemuProgram program, QemuBoard board, IReadOnlyList<string> devices, TimeSpan patience, TimeSpan answerDeadline, QtestTranscript? transcript = null)
    {
        QemuMachine? machine = null;
        try
        {
            machine = new QemuMachine();
            machine.Launch(program, board, devices, patience, answerDeadline, transcript);
            return machine;
        }
        catch (Exception failure) when (failure is Win32Exception or IOException or UnauthorizedAccessException or SocketException
            or ArgumentException or PlatformNotSupportedException or TargetDiedException or TargetHungException
            or TargetUnavailableException)
        {
            machine?.Dispose();
            var words = machine?._child?.Said is { Count: > 0 } output ? $": {string.Join("; ", output.TakeLast(3))}" : "";
            throw new TargetUnavailableException(
                $"{program.Path} (QEMU {program.Version}) does not start: {failure.Message}{words}", failure);
        }
    }

    /// <summary>Ends QEMU, from any thread; a call that waits for it finds the connection closed.</summary>
    public void Kill()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _child?.Kill();
            _qtest?.Abort();
        }
    }

    /// <summary>Ends QEMU and lets go of everything.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
        }
        AppDomain.CurrentDomain.ProcessExit -= EndWithProcess;
        _child?.Dispose();
        _qtest?.Dispose();
        Ram.Dispose();
        _directory.Dispose();
    }

    private void Launch(
        QemuProgram program, QemuBoard board, IReadOnlyList<string> devices, TimeSpan patience, TimeSpan answerDeadline, QtestTranscript? transcript)
    {
        var firmware = _directory["halt.bin"];
        File.WriteAllBytes(firmware, HaltedFirmware.Image());
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_directory["qtest"]));
        listener.Listen(1);

        var start = ProcessLauncher.DyingWithUs(program.Path, Arguments(board, firmware, devices));
        // A directory that is soon gone: a QEMU that aborts cannot drop a core file anywhere.
        start.WorkingDirectory = _directory.Path;
        // QEMU's register dump at a fatal emulation error is 30 lines, and what it died of stands above it.
        _child = ChildProcess.Start(start, outputLines: 48, IcountWarning);
        transcript?.Restart(program.Command, [.. MachineArguments(board, memory: null), .. DeviceArguments(devices)], board.PowerOff);
        _qtest = new QtestClient(Accept(listener, _child, patience), answerDeadline, _child) { Transcript = transcript };
        // QEMU connects before it reads its firmware and makes its devices, and answers after.
        _qtest.Ping(patience);
        _directory.Dispose();
    }

    private static Socket Accept(Socket listener, ChildProcess child, TimeSpan patience)
    {
        var waiting = new WaitingTime();
        while (!listener.Poll(TimeSpan.FromMilliseconds(10), SelectMode.SelectRead))
        {
            if (child.HasExited) throw new TargetUnavailableException($"it {child.HowItEnded()}");
            if (waiting.Look() > patience)
                throw new TargetUnavailableException($"it did not connect within {patience.TotalSeconds:0} s");
        }
        return listener.Accept();
    }

    private IEnumerable<string> Arguments(QemuBoard board, string firmware, IEnumerable<string> devices) =>
    [
        .. MachineArguments(board, _directory[SharedRam.FileName]),
        "-bios", firmware,
        "-qtest", $"unix:{_directory["qtest"]}",
        "-qtest-log", "/dev/null",
        .. DeviceArguments(devices),
    ];

    /// <summary>The machine, with the file that its memory is, or null for memory of its own.</summary>
    private static IEnumerable<string> MachineArguments(QemuBoard board, string? memory)
    {
        var size = SharedRam.SizeInMebibytes.ToString(CultureInfo.InvariantCulture);
        return
        [
            "-no-user-config", "-nodefaults", "-display", "none", "-monitor", "none",
            "-M", memory is null ? board.Machine : $"{board.Machine},memory-backend=ram",
            .. memory is null ? (string[])[] : ["-object", $"memory-backend-file,id=ram,size={size}M,share=on,mem-path={memory}"],
            "-m", size,
            "-accel", "tcg",
            // Virtual time jumps to the next timer while the processor is halted: device timers (edu's 100 ms) fire at once.
            "-icount", "shift=0,sleep=off",
            .. board.Arguments,
        ];
    }

    private static IEnumerable<string> DeviceArguments(IEnumerable<string> devices) => devices.SelectMany(device => (string[])["-device", device]);

    private void EndWithProcess(object? sender, EventArgs e)
    {
        Kill();
        _directory.Dispose();
    }
}
