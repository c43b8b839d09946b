using System.ComponentModel;
using System.Text;
using System.Text.RegularExpressions;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Processes;

namespace Viommu.Guest.Hosting;

/// <summary>A Linux in a QEMU, on a machine of this process: it boots, does what it is told, says so on its console, and restarts, which ends QEMU.</summary>
public sealed partial class LinuxGuest : IDisposable
{
    /// <summary>Memory of the guest in MiB.</summary>
    private const int MemoryMebibytes = 256;

    private const string Kernel = "vmlinuz";
    private const string Initrd = "initrd.gz";
    private const int MostLines = 4000;
    private const int LongestLine = 1000;

    // What Linux says of itself when it has come to harm. That something takes too long it would say of a machine that was starved as well, so
    // it is told not to, and the one who waits for its end has a clock of his own.
    private const string Silence = "nosoftlockup rcupdate.rcu_cpu_stall_suppress=1";

    private static readonly string[] Harm = ["Kernel panic", "Oops", "BUG: ", "WARNING: CPU", "general protection fault"];

    // How long it may take until all is read that was said.
    private static readonly TimeSpan Aftermath = TimeSpan.FromSeconds(2);

    private readonly ChildProcess _qemu;
    private readonly Task _reading;
    private readonly List<string> _console = [];
    private readonly List<string> _told = [];
    private readonly List<string> _harmed = [];
    private readonly Lock _gate = new();
    private bool _wasKilled;

    private LinuxGuest(ChildProcess qemu)
    {
        _qemu = qemu;
        _reading = Task.Run(Read);
    }

    /// <summary>True for a line by which a kernel says that it has come to harm.</summary>
    public static bool IsHarm(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        return Harm.Any(word => line.Contains(word, StringComparison.Ordinal));
    }

    /// <summary>Throws <see cref="TargetUnavailableException"/> where there is no such QEMU, or no guest in that folder.</summary>
    public static void Require(string qemu, string folder)
    {
        foreach (string file in (string[])[Path.Combine(folder, Kernel), Path.Combine(folder, Initrd)])
        {
            if (!File.Exists(file)) throw new TargetUnavailableException($"there is no {file}: conformance/guests/linux.sh makes it");
        }
        if (!File.Exists(qemu) && ProcessLauncher.FindOnPath(qemu) is null) throw new TargetUnavailableException($"there is no program {qemu}: conformance/guests/qemu.sh makes one");
    }

    /// <summary>Boots it. Throws <see cref="TargetUnavailableException"/> where QEMU cannot be started.</summary>
    /// <param name="qemu">The program.</param>
    /// <param name="folder">Where <c>vmlinuz</c> and <c>initrd.gz</c> are (<c>conformance/guests/linux.sh</c>).</param>
    /// <param name="machine">What it is to run on.</param>
    /// <param name="commandLine">What the kernel is told besides.</param>
    public static LinuxGuest Boot(string qemu, string folder, HostedMachine machine, string commandLine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        Require(qemu, folder);
        string[] arguments =
        [
            "-accel", "tcg", "-cpu", "max", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
            "-kernel", Path.Combine(folder, Kernel), "-initrd", Path.Combine(folder, Initrd), "-append", $"console=ttyS0 panic=-1 oops=panic {Silence} {commandLine}",
            .. machine.QemuArguments(MemoryMebibytes),
        ];
        try
        {
            return new(ChildProcess.Converse(qemu, arguments, errorLines: 20));
        }
        catch (Win32Exception failure)
        {
            throw new TargetUnavailableException($"{qemu} cannot be started: {failure.Message}", failure);
        }
    }

    /// <summary>What the guest has said of the steps it was told to do, without what marks such lines.</summary>
    public IReadOnlyList<string> Told => Copy(_told);

    /// <summary>What the kernel has said of harm it has come to.</summary>
    public IReadOnlyList<string> Harmed => Copy(_harmed);

    /// <summary>The console, as far as it was kept: the first lines.</summary>
    public IReadOnlyList<string> Console => Copy(_console);

    /// <summary>What QEMU itself has complained of.</summary>
    public string LastWords => _qemu.LastWords;

    /// <summary>How QEMU ended, where that was neither the guest's doing nor ours; null otherwise.</summary>
    public string? Accident => _qemu.HasExited && !_wasKilled && _qemu.ExitCode != 0 ? _qemu.HowItEnded() : null;

    /// <summary>Waits for the machine to be powered off; false where it still runs.</summary>
    public bool WaitForEnd(TimeSpan patience) => _qemu.WaitForExit(patience) && WaitingTime.Wait(Aftermath, _reading.Wait);

    /// <summary>Ends the machine, if it still runs; what it has said stays.</summary>
    public void Kill()
    {
        _wasKilled |= !_qemu.HasExited;
        _qemu.Kill();
        WaitForEnd(Aftermath);
    }

    /// <summary>Ends the machine.</summary>
    public void Dispose() => _qemu.Dispose();

    private void Read()
    {
        using var reader = new StreamReader(_qemu.Output, Encoding.Latin1);
        while (reader.ReadLine() is { } line)
        {
            string text = new([.. line.Where(character => !char.IsControl(character)).Take(LongestLine)]);
            lock (_gate)
            {
                // What counts is not lost behind all else that a kernel has to say.
                Add(_console, text);
                if (IsHarm(text)) Add(_harmed, text);
                if (Ours().Match(text) is { Success: true } ours) Add(_told, text[ours.Length..]);
            }
        }
    }

    private IReadOnlyList<string> Copy(List<string> lines)
    {
        lock (_gate) return [.. lines];
    }

    private static void Add(List<string> lines, string line)
    {
        if (lines.Count < MostLines) lines.Add(line);
    }

    // Kernels can be built to say when, and from where, before each line.
    [GeneratedRegex(@"^(\[[^\]]*\] ?)*viommu: ")]
    private static partial Regex Ours();
}
