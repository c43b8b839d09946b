using System.Collections.Concurrent;
using System.Diagnostics;

namespace Viommu.Guest.Targets.Processes;

/// <summary>
/// Starts processes from one thread that lives as long as this process: the kernel sends the parent death signal when the
/// <i>thread</i> that started the child ends, and a pool's thread may end at any time.
/// </summary>
internal static class ProcessLauncher
{
    private static readonly BlockingCollection<Action> Requests = [];
    private static readonly Lazy<string?> SetPriv = new(FindSetPriv);
    private static readonly Lazy<string?> SetSid = new(() => FindOnPath("setsid"));

    static ProcessLauncher() => new Thread(Serve) { IsBackground = true, Name = "process launcher" }.Start();

    /// <summary>Starts a process. Throws <see cref="System.ComponentModel.Win32Exception"/> where the system cannot.</summary>
    public static Process Start(ProcessStartInfo info)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Requests.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(info)!);
            }
            catch (Exception refusal)
            {
                started.SetException(refusal);
            }
        });
        return started.Task.GetAwaiter().GetResult();
    }

    /// <summary>
    /// How to start a program so that the kernel kills it when this process ends, however it ends. Where there is no setpriv that
    /// can do so the program is started directly, and outlives a harness that is ended by SIGKILL. It leads a session of its own, as far as
    /// there is a setsid to make it so: Ctrl-C is for the harness, which ends what it has begun, and finds no target dead that nobody killed.
    /// </summary>
    public static ProcessStartInfo DyingWithUs(string program, IEnumerable<string> arguments) => LeadingAGroup(program, arguments, out _);

    /// <summary>
    /// As <see cref="DyingWithUs"/>, and the process group that the program leads tells what it has started, so that all of it can be ended
    /// with it; false in <paramref name="leadsGroup"/> where there is none.
    /// </summary>
    public static ProcessStartInfo LeadingAGroup(string program, IEnumerable<string> arguments, out bool leadsGroup)
    {
        leadsGroup = SetSid.Value is not null;
        List<string> command = [program, .. arguments];
        if (SetSid.Value is { } setSid) command.Insert(0, setSid);
        if (SetPriv.Value is { } setPriv) command.InsertRange(0, [setPriv, "--pdeathsig", "KILL", "--"]);
        return new(command[0], command.Skip(1));
    }

    /// <summary>The full path of a program on <c>PATH</c>, or null.</summary>
    public static string? FindOnPath(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);

    // Of the two setpriv in use, util-linux's and BusyBox's, only the first has this option.
    private static string? FindSetPriv()
    {
        if (FindOnPath("setpriv") is not { } path) return null;
        // It is asked once: who took a slow answer for none would leave programs behind for as long as this process lives.
        using var help = ChildProcess.Start(new ProcessStartInfo(path, ["--help"]), outputLines: 100);
        return help.WaitForExit(TimeSpan.FromMinutes(1)) && help.Said.Any(line => line.Contains("--pdeathsig", StringComparison.Ordinal))
            ? path
            : null;
    }

    private static void Serve()
    {
        foreach (var request in Requests.GetConsumingEnumerable()) request();
    }
}
