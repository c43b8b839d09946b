using System.ComponentModel;
using System.Text;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Processes;

namespace Viommu.Guest.Hosting;

/// <summary>A Linux in a QEMU, on a machine of this process: it boots, does what it is told, says so on its console, and powers off.</summary>
public sealed class LinuxGuest : IDisposable
{
    /// <summary>Memory of the guest in MiB.</summary>
    private const int MemoryMebibytes = 256;

    private const string Ours = "viommu: ";
    private const int MostLines = 4000;
    private const int LongestLine = 1000;

    // What Linux says of itself when it has come to harm. That something takes too long it would say of a machine that was starved as well, so
    // it is told not to, and the one who waits for its end has a clock of his own.
    private const string Silence = "nosoftlockup rcupdate.rcu_cpu_stall_suppress=1";

    private static readonly string[] Harm = ["Kernel panic", "Oops", "BUG: ", "WARNING: ", "general protection fault"];

    private readonly ChildProcess _qemu;
    private readonly Task _reading;
    private readonly List<string> _console = [];
    private readonly Lock _gate = new();

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

    /// <summary>Boots it. Throws <see cref="TargetUnavailableException"/> where QEMU cannot be started.</summary>
    /// <param name="qemu">The program.</param>
    /// <param name="folder">Where <c>vmlinuz</c> and <c>initrd.gz</c> are (<c>conformance/guests/linux.sh</c>).</param>
    /// <param name="machine">What it is to run on.</param>
    /// <param name="commandLine">What the kernel is told besides.</param>
    public static LinuxGuest Boot(string qemu, string folder, HostedMachine machine, string commandLine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        var (kernel, initrd) = (Path.Combine(folder, "vmlinuz"), Path.Combine(folder, "initrd.gz"));
        foreach (string file in (string[])[kernel, initrd])
        {
            if (!File.Exists(file)) throw new TargetUnavailableException($"there is no {file}: conformance/guests/linux.sh makes it");
        }

        string[] arguments =
        [
            "-accel", "tcg", "-cpu", "max", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
            "-kernel", kernel, "-initrd", initrd, "-append", $"console=ttyS0 panic=-1 oops=panic {Silence} {commandLine}",
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
    public IReadOnlyList<string> Told
    {
        get
        {
            lock (_gate) return [.. _console.Where(line => line.StartsWith(Ours, StringComparison.Ordinal)).Select(line => line[Ours.Length..])];
        }
    }

    /// <summary>What the kernel has said of harm it has come to.</summary>
    public IReadOnlyList<string> Harmed
    {
        get
        {
            lock (_gate) return [.. _console.Where(IsHarm)];
        }
    }

    /// <summary>The console, as far as it was kept: the first lines.</summary>
    public IReadOnlyList<string> Console
    {
        get
        {
            lock (_gate) return [.. _console];
        }
    }

    /// <summary>What QEMU itself has complained of.</summary>
    public string LastWords => _qemu.LastWords;

    /// <summary>Waits for the machine to be powered off; false where it still runs.</summary>
    public bool WaitForEnd(TimeSpan patience) => _qemu.WaitForExit(patience) && _reading.Wait(TimeSpan.FromSeconds(2));

    /// <summary>Ends the machine, if it still runs; what it has said stays.</summary>
    public void Kill()
    {
        _qemu.Kill();
        WaitForEnd(TimeSpan.FromSeconds(2));
    }

    /// <summary>Ends the machine.</summary>
    public void Dispose() => _qemu.Dispose();

    private void Read()
    {
        using var reader = new StreamReader(_qemu.Output, Encoding.Latin1);
        while (reader.ReadLine() is { } line)
        {
            // A console's line ends are the terminal's, and its colours too.
            string text = new([.. line.Where(character => !char.IsControl(character)).Take(LongestLine)]);
            lock (_gate)
            {
                if (_console.Count < MostLines) _console.Add(text);
            }
        }
    }
}
