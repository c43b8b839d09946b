using System.ComponentModel;
using Viommu.Guest.Targets.Processes;

namespace Viommu.Guest.Targets.Served;

/// <summary>A program that serves a device on its standard input and output.</summary>
internal sealed class ServedProcess : IServedPeer
{
    // What a program may take to put its affairs in order once its input has ended.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    private const int ErrorLines = 48;

    private readonly ChildProcess _child;
    private volatile bool _killed;

    private ServedProcess(ChildProcess child) => _child = child;

    /// <inheritdoc/>
    public Stream Commands => _child.Input;

    /// <inheritdoc/>
    public Stream Answers => _child.Output;

    /// <inheritdoc/>
    public string LastWords => _child.LastWords;

    /// <summary>The process's id.</summary>
    internal int ProcessId => _child.Id;

    /// <summary>
    /// Starts the program of a command line, a path or a name on <c>PATH</c>, with its arguments, and with these variables beside those
    /// of this process. Throws <see cref="TargetUnavailableException"/>.
    /// </summary>
    public static ServedProcess Start(IReadOnlyList<string> command, IReadOnlyDictionary<string, string> variables)
    {
        var program = Locate(command[0]);
        try
        {
            return new(ChildProcess.Converse(program, command.Skip(1), ErrorLines, variables));
        }
        catch (Win32Exception refusal)
        {
            throw new TargetUnavailableException($"{program} cannot be started: {refusal.Message}", refusal);
        }
    }

    /// <inheritdoc/>
    public string HowItEnded() => _child.HowItEnded();

    /// <inheritdoc/>
    public void Kill()
    {
        _killed = true;
        _child.Kill();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _child.CloseInput();
        if (!_killed) _child.WaitForExit(Grace);
        _child.Dispose();
    }

    private static string Locate(string program)
    {
        if (program.Contains(Path.DirectorySeparatorChar))
        {
            return File.Exists(program) ? Path.GetFullPath(program) : throw new TargetUnavailableException($"--target exec: there is no program {program}");
        }
        return ProcessLauncher.FindOnPath(program) ?? throw new TargetUnavailableException(
            $"--target exec: there is no program {program} on PATH; one in the current directory is ./{program}, and what a shell is to understand is sh -c '...'");
    }
}
