using Viommu.Guest.Targets.Processes;

namespace Viommu.Guest.Tests.Processes;

public class ProcessLauncherTests
{
    /// <summary>A terminal sends Ctrl-C to all of its foreground process group: a target in it dies, and its death is a finding.</summary>
    [SkippableFact]
    public void What_dies_with_us_is_in_no_group_that_a_terminal_interrupts()
    {
        Skip.If(ProcessLauncher.FindOnPath("setsid") is null && Environment.GetEnvironmentVariable("CI") != "true", "setsid is not installed");
        Skip.IfNot(File.Exists("/proc/self/stat"), "there is no /proc");
        // Its last line is written once it is what it has become.
        var start = ProcessLauncher.DyingWithUs("sh", ["-c", "cat /proc/$$/stat"]);
        using var child = ChildProcess.Start(start, outputLines: 1);
        Assert.True(child.WaitForExit(TimeSpan.FromMinutes(5)), "it does not end");
        string[] fields = child.Said.Single().Split(' ');
        Assert.Equal([child.Id, child.Id], [int.Parse(fields[4]), int.Parse(fields[5])]);
    }
}
