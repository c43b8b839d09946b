using System.ComponentModel;
using System.Diagnostics;

namespace Viommu.Guest.Targets.Qemu;

/// <summary>A program running for us: its input is empty, its output kept in short, and it never outlives disposal.</summary>
internal sealed class ChildProcess : IQtestPeer, IDisposable
{
    // How long the kernel and the pipes may take to tell of an end that has already happened.
    private static readonly TimeSpan Aftermath = TimeSpan.FromSeconds(2);

    private readonly Process _process;
    private readonly OutputTail _tail;
    private readonly Task _reading;
    private volatile bool _killed;

    private ChildProcess(Process process, int outputLines)
    {
        _process = process;
        _tail = new OutputTail(outputLines);
        process.StandardInput.Close();
        _reading = Task.WhenAll(Keep(process.StandardOutput.BaseStream), Keep(process.StandardError.BaseStream));
    }

    /// <summary>Starts a program; <paramref name="outputLines"/> of what it writes are kept.</summary>
    public static ChildProcess Start(ProcessStartInfo info, int outputLines)
    {
        info.RedirectStandardInput = true;
        info.RedirectStandardOutput = true;
        info.RedirectStandardError = true;
        info.UseShellExecute = false;
        return new ChildProcess(ProcessLauncher.Start(info), outputLines);
    }

    /// <summary>The process id.</summary>
    public int Id => _process.Id;

    /// <summary>True once the process has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>The last lines of standard output and standard error.</summary>
    public IReadOnlyList<string> Output => [.. _tail.Lines.Where(IsNews)];

    /// <inheritdoc/>
    public string LastWords => Output is { Count: > 0 } lines ? string.Join('\n', lines) : "(it wrote nothing)";

    /// <summary>Waits for the end of the process and of its output; false where it still runs.</summary>
    public bool WaitForExit(TimeSpan patience)
    {
        if (!_process.WaitForExit(patience)) return false;
        // A grandchild may hold the pipes open for ever; what has been read by then is what there is.
        _reading.Wait(Aftermath);
        return true;
    }

    /// <inheritdoc/>
    public TimeSpan ProcessorTime
    {
        get
        {
            try
            {
                _process.Refresh();
                return _process.TotalProcessorTime;
            }
            catch (Exception ended) when (ended is InvalidOperationException or Win32Exception)
            {
                return TimeSpan.Zero;
            }
        }
    }

    /// <inheritdoc/>
    public string HowItEnded()
    {
        var ended = WaitForExit(Aftermath);
        if (_killed) return "was killed by the harness";
        if (!ended) return "closed its qtest connection and runs on";
        return _process.ExitCode > 128
            ? $"was ended by signal {_process.ExitCode - 128}{SignalName(_process.ExitCode - 128)}"
            : $"ended with exit code {_process.ExitCode}";
    }

    /// <summary>Ends the process and what it started, from any thread, also when it has ended already.</summary>
    public void Kill()
    {
        if (_process.HasExited) return;
        _killed = true;
        _process.Kill(entireProcessTree: true);
    }

    /// <summary>Kills and reaps.</summary>
    public void Dispose()
    {
        Kill();
        WaitForExit(Aftermath);
        _process.Dispose();
    }

    private async Task Keep(Stream stream)
    {
        var buffer = new byte[4096];
        while (await stream.ReadAsync(buffer).ConfigureAwait(false) is > 0 and var count) _tail.Append(buffer.AsSpan(0, count));
    }

    // QEMU says this of each machine whose virtual time is not tied to real time, which is how we start it.
    private static bool IsNews(string line) =>
        !line.EndsWith("warning: icount sleep disabled and no active timers", StringComparison.Ordinal);

    private static string SignalName(int signal) => signal switch
    {
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    };
}
