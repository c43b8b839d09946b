using System.Collections.ObjectModel;
using System.ComponentModel;
using System.Diagnostics;

namespace Viommu.Guest.Targets.Processes;

/// <summary>A program running for us: what it writes is kept in short, and it never outlives disposal.</summary>
internal sealed class ChildProcess : IPeer, IDisposable
{
    // How long the kernel and the pipes may take to tell of an end that has already happened.
    private static readonly TimeSpan Aftermath = TimeSpan.FromSeconds(2);

    private readonly Process _process;
    private readonly OutputTail _tail;
    private readonly Task _reading;
    private readonly bool _leadsGroup;
    private readonly string? _noise;
    private volatile bool _killed;

    private ChildProcess(Process process, int outputLines, bool converses, bool leadsGroup, string? noise)
    {
        _process = process;
        _leadsGroup = leadsGroup;
        _noise = noise;
        _tail = new OutputTail(outputLines);
        if (!converses) process.StandardInput.Close();
        _reading = converses
            ? Keep(process.StandardError.BaseStream)
            : Task.WhenAll(Keep(process.StandardOutput.BaseStream), Keep(process.StandardError.BaseStream));
    }

    /// <summary>
    /// Starts a program whose input is empty; <paramref name="outputLines"/> of what it writes are kept. Lines that end in
    /// <paramref name="noise"/> say nothing of how it fares.
    /// </summary>
    public static ChildProcess Start(ProcessStartInfo info, int outputLines, string? noise = null) =>
        new(Launch(info), outputLines, converses: false, leadsGroup: false, noise);

    /// <summary>
    /// Starts a program that is spoken to through <see cref="Input"/> and <see cref="Output"/>; <paramref name="errorLines"/> of its
    /// standard error are kept. What it starts ends with it, also where it has ended before. It finds <paramref name="variables"/> in its
    /// environment, beside those of this process.
    /// </summary>
    public static ChildProcess Converse(string program, IEnumerable<string> arguments, int errorLines, IReadOnlyDictionary<string, string>? variables = null)
    {
        var info = ProcessLauncher.LeadingAGroup(program, arguments, out var leadsGroup);
        foreach (var (name, value) in variables ?? ReadOnlyDictionary<string, string>.Empty) info.Environment[name] = value;
        return new(Launch(info), errorLines, converses: true, leadsGroup, noise: null);
    }

    /// <summary>Where a program that is spoken to reads; closed by <see cref="CloseInput"/>.</summary>
    public Stream Input => _process.StandardInput.BaseStream;

    /// <summary>What a program that is spoken to answers.</summary>
    public Stream Output => _process.StandardOutput.BaseStream;

    /// <summary>The process id.</summary>
    public int Id => _process.Id;

    /// <summary>True once the process has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>How it ended, as programs say it themselves: 0 where all went well. It has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>The last lines of standard error, and of standard output where nobody else reads it.</summary>
    public IReadOnlyList<string> Said => [.. _tail.Lines.Where(IsNews)];

    /// <inheritdoc/>
    public string LastWords => Said is { Count: > 0 } lines ? string.Join('\n', lines) : "(it wrote nothing)";

    /// <summary>Waits for the end of the process and of its output; false where it still runs.</summary>
    public bool WaitForExit(TimeSpan patience)
    {
        if (!WaitingTime.Wait(patience, _process.WaitForExit)) return false;
        // A grandchild may hold the pipes open for ever; what has been read by then is what there is.
        WaitingTime.Wait(Aftermath, _reading.Wait);
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
        if (!ended) return "closed its connection and runs on";
        return _process.ExitCode > 128
            ? $"was ended by signal {_process.ExitCode - 128}{SignalName(_process.ExitCode - 128)}"
            : $"ended with exit code {_process.ExitCode}";
    }

    /// <summary>Lets a program that is spoken to read the end of its input.</summary>
    public void CloseInput()
    {
        try
        {
            Input.Dispose();
        }
        catch (IOException)
        {
            // It has closed its end already.
        }
    }

    /// <summary>Ends the process and what it started, from any thread, also when it has ended already.</summary>
    public void Kill()
    {
        if (!_process.HasExited)
        {
            _killed = true;
            _process.Kill(entireProcessTree: true);
        }
        // Those whose parent has ended are in no tree any more.
        if (_leadsGroup) ProcessGroup.Kill(Id);
    }

    /// <summary>Kills and reaps.</summary>
    public void Dispose()
    {
        Kill();
        WaitForExit(Aftermath);
        _process.Dispose();
    }

    private static Process Launch(ProcessStartInfo info)
    {
        info.RedirectStandardInput = true;
        info.RedirectStandardOutput = true;
        info.RedirectStandardError = true;
        info.UseShellExecute = false;
        return ProcessLauncher.Start(info);
    }

    private async Task Keep(Stream stream)
    {
        var buffer = new byte[4096];
        while (await stream.ReadAsync(buffer).ConfigureAwait(false) is > 0 and var count) _tail.Append(buffer.AsSpan(0, count));
    }

    private bool IsNews(string line) => _noise is null || !line.EndsWith(_noise, StringComparison.Ordinal);

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
