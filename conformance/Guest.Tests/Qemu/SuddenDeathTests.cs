using System.Diagnostics;
using System.Runtime.CompilerServices;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Qemu;

namespace Viommu.Guest.Tests.Qemu;

/// <summary>A harness that is itself ended, which takes a second process: this assembly, started as a program.</summary>
public class SuddenDeathTests
{
    private const string Role = "VIOMMU_TEST_HARNESS";

    [SkippableTheory]
    [InlineData("-KILL")]
    [InlineData("-TERM")]
    [InlineData("-INT")]
    public void A_harness_that_is_ended_by_a_signal_leaves_no_QEMU_and_no_file(string signal)
    {
        QemuFixture.RequireQemu();
        Skip.If(ProcessLauncher.FindOnPath("setpriv") is null
            && Environment.GetEnvironmentVariable("CI") != "true", "setpriv is not installed");
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["exec", typeof(SuddenDeathTests).Assembly.Location])
        {
            RedirectStandardOutput = true,
        };
        start.Environment[Role] = "1";
        using var harness = Process.Start(start)!;
        try
        {
            var qemu = int.Parse(harness.StandardOutput.ReadLine()!);
            QemuFixture.AssertHasNoFileThatCouldBeLeft(qemu);
            using var kill = Process.Start("kill", [signal, $"{harness.Id}"]);
            Assert.True(harness.WaitForExit(TimeSpan.FromSeconds(10)));
            Assert.True(SpinWait.SpinUntil(() => !QemuFixture.IsRunning(qemu), TimeSpan.FromSeconds(5)), "QEMU runs on");
        }
        finally
        {
            harness.Kill();
        }
    }

    // Runs before the assembly's empty Main does; in the test host the variable is not set.
#pragma warning disable CA2255 // The test assembly is the program here.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void ServeAsHarness()
    {
        if (Environment.GetEnvironmentVariable(Role) is null) return;
        using var source = new QemuTargetSource(null);
        using var target = (QemuTarget)source.Open(TargetShape.Default, out _)!;
        Console.WriteLine(target.ProcessId);
        Thread.Sleep(Timeout.Infinite);
    }
}
