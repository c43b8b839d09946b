using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Viommu.Conformance.Running;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Program;

/// <summary>Runs an input in a process of its own, which may die of it.</summary>
internal static class ChildReplay
{
    // What the runtime and the shell add to the number of a signal.
    private const int BySignal = 128;

    // The start of the program and of a device of its own, on a machine that does other things as well; then the input.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    /// <summary>What the input in a file breaks; null where nothing is broken.</summary>
    /// <exception cref="CorpusException">The other process could not try it.</exception>
    /// <exception cref="OperationCanceledException">The user does not wait for it.</exception>
    public static Finding? Run(string file, TargetInfo target, string device, CancellationToken interrupted = default)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(typeof(ChildReplay).Assembly.Location);
        foreach (var argument in (string[])["replay", file, "--target", target.Name, "--device", device]) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var output = new ConcurrentQueue<string>();
        var error = new ConcurrentQueue<string>();
        process.OutputDataReceived += (_, line) => output.Enqueue(line.Data ?? "");
        process.ErrorDataReceived += (_, line) => error.Enqueue(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        bool hasEnded;
        using (interrupted.Register(() => process.Kill(entireProcessTree: true))) hasEnded = TryWait(process, _patience);
        // The user's signal reaches the other process as well: what it says then is nothing to go by.
        interrupted.ThrowIfCancellationRequested();
        if (!hasEnded) return Hang($"an input runs for more than {_patience.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s");
        return process.ExitCode switch
        {
            ExitCode.AsExpected => null,
            ExitCode.Findings => Read([.. output], file),
            >= BySignal => new(new("process-survives", "", "", ""), string.Create(CultureInfo.InvariantCulture, $"the process died by signal {process.ExitCode - BySignal} while it ran the input"), ""),
            _ => throw new CorpusException($"cannot run {file} in a process of its own: {error.FirstOrDefault()}"),
        };
    }

    /// <summary>The finding that an input does not come back.</summary>
    public static Finding Hang(string message) => new(FindingKey.Hang, message, "");

    /// <summary>Waits for the end of a process, and ends it, with all that it has started, where that takes too long; whether it ended by itself.</summary>
    internal static bool TryWait(Process process, TimeSpan patience)
    {
        bool hasEnded = process.WaitForExit(patience);
        if (!hasEnded) process.Kill(entireProcessTree: true);
        // With what it wrote last.
        process.WaitForExit();
        return hasEnded;
    }

    // As 'fuzz replay' has told it: the key behind the file's name, then the message.
    private static Finding Read(List<string> lines, string file)
    {
        string head = $"FOUND {file}: ";
        int at = lines.FindIndex(line => line.StartsWith(head, StringComparison.Ordinal));
        return at >= 0 && at + 1 < lines.Count && FindingKey.Parse(lines[at][head.Length..].TrimEnd()) is { } key
            ? new(key, lines[at + 1].Trim(), string.Join('\n', lines.Skip(at + 2).Select(Outdented)).TrimEnd())
            : throw new CorpusException($"'fuzz replay {file}' says that there is a finding, but not which");
    }

    private static string Outdented(string line) => line.StartsWith(ReplayCommand.Indent, StringComparison.Ordinal) ? line[ReplayCommand.Indent.Length..] : line;
}
