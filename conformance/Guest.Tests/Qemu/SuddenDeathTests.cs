using System.Diagnostics;
using System.Runtime.CompilerServices;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Processes;
using Viommu.Guest.Targets.Qemu;
using Viommu.Guest.Targets.Served;

namespace Viommu.Guest.Tests.Qemu;

/// <summary>A harness that is itself ended, which takes a second process: this assembly, started as a program.</summary>
public class SuddenDeathTests
{
    private const string Role = "VIOMMU_TEST_HARNESS";
    private const string Qemu = "qemu";

    // Only what never happens takes as long.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [SkippableTheory]
    [InlineData("-KILL")]
    [InlineData("-TERM")]
    [InlineData("-INT")]
    public void A_harness_that_is_ended_by_a_signal_leaves_no_QEMU_and_no_file(string signal)
    {
        QemuFixture.RequireQemu();
        Skip.If(ProcessLauncher.FindOnPath("setpriv") is null
            && Environment.GetEnvironmentVariable("CI") != "true", "setpriv is not installed");
        using var harness = StartHarness(Qemu);
        try
        {
            var qemu = int.Parse(harness.StandardOutput.ReadLine()!);
            QemuFixture.AssertHasNoFileThatCouldBeLeft(qemu);
            using var kill = Process.Start("kill", [signal, $"{harness.Id}"]);
            Assert.True(harness.WaitForExit(Patience));
            Assert.True(SpinWait.SpinUntil(() => !QemuFixture.IsRunning(qemu), Patience), "QEMU runs on");
        }
        finally
        {
            harness.Kill();
        }
    }

    [SkippableTheory]
    [InlineData("-KILL")]
    [InlineData("-TERM")]
    public void A_harness_that_is_ended_by_a_signal_leaves_no_program_that_serves_a_device(string signal)
    {
        Skip.If(ProcessLauncher.FindOnPath("setpriv") is null && Environment.GetEnvironmentVariable("CI") != "true", "setpriv is not installed");
        var folder = Directory.CreateTempSubdirectory("served-");
        using var harness = StartHarness(QemuFixture.Script(
            folder.FullName, "#!/bin/sh\nread hello\necho OK 1 name=x version=$$ device=mmio:0x1000\nread start\necho OK\nexec sleep 600\n"));
        try
        {
            var program = int.Parse(harness.StandardOutput.ReadLine()!);
            Assert.True(QemuFixture.IsRunning(program));
            using var kill = Process.Start("kill", [signal, $"{harness.Id}"]);
            Assert.True(harness.WaitForExit(Patience));
            Assert.True(SpinWait.SpinUntil(() => !QemuFixture.IsRunning(program), Patience), "the program runs on");
        }
        finally
        {
            harness.Kill();
            folder.Delete(recursive: true);
        }
    }

    // Whoever runs tests in the background of a shell has SIGINT ignored, and all that they start.
    private static Process StartHarness(string role)
    {
        var start = new ProcessStartInfo("env", ["--default-signal=INT", Environment.ProcessPath!, "exec", typeof(SuddenDeathTests).Assembly.Location])
        {
            RedirectStandardOutput = true,
        };
        start.Environment[Role] = role;
        return Process.Start(start)!;
    }

    // Runs before the assembly's empty Main does; in the test host the variable is not set.
#pragma warning disable CA2255 // The test assembly is the program here.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void ServeAsHarness()
    {
        if (Environment.GetEnvironmentVariable(Role) is not { } role) return;
        using ITargetSource source = role == Qemu ? new QemuTargetSource(null) : new ServedTargetSource(role);
        using var target = source.Open(TargetShape.Default, out _)!;
        // The script says its process id for its version.
        Console.WriteLine(target is QemuTarget qemu ? $"{qemu.ProcessId}" : target.Identity.Version);
        Thread.Sleep(Timeout.Infinite);
    }
}
