using System.ComponentModel;
using System.Diagnostics;

namespace Viommu.Device.Tests.Support;

/// <summary>A program of another project that judges our output. Where it is not installed the test is skipped, but not in CI.</summary>
internal static class Tool
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(4);

    /// <summary>Runs it and returns everything that it prints.</summary>
    public static (int ExitCode, string Output) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Start(start);
        Missing(process is null, $"{program} is not installed");
        var output = process!.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Deadline))
        {
            process.Kill();
            Assert.Fail($"{program} did not end within {Deadline}");
        }

        return (process.ExitCode, output.Result + errors.Result);
    }

    /// <summary>Skips the test where the tool does not do; fails it in CI, where a check that does not run would go unnoticed.</summary>
    public static void Missing(bool isMissing, string reason)
    {
        Assert.False(isMissing && Environment.GetEnvironmentVariable("CI") == "true", reason);
        Skip.If(isMissing, reason);
    }

    private static Process? Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
