using System.Diagnostics;
using System.Globalization;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Program;

/// <summary>Runs an input in a process of its own, which may die of it.</summary>
internal static class ChildReplay
{
    // What the runtime and the shell add to the number of a signal.
    private const int BySignal = 128;

    /// <summary>How the process ended, where it did not end by itself; null where it did.</summary>
    public static string? Run(string file, TargetInfo target, string device, TimeSpan patience)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(typeof(ChildReplay).Assembly.Location);
        foreach (var argument in (string[])["replay", file, "--target", target.Name, "--device", device]) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (!process.WaitForExit(patience))
        {
            process.Kill();
            return "hung";
        }

        return process.ExitCode >= BySignal ? string.Create(CultureInfo.InvariantCulture, $"died by signal {process.ExitCode - BySignal}") : null;
    }
}
