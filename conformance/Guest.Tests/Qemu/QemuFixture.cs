using System.Diagnostics;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Processes;
using Viommu.Guest.Targets.Qemu;

namespace Viommu.Guest.Tests.Qemu;

/// <summary>What the tests that need an installed QEMU have in common.</summary>
internal static class QemuFixture
{
    public static readonly PciAddress Iommu = new(0, 2, 0);

    public static QemuTarget Open(TargetShape? shape = null)
    {
        RequireQemu();
        using var source = new QemuTargetSource(null);
        var target = source.Open(shape ?? TargetShape.Default, out var whyNot);
        Assert.Null(whyNot);
        return Assert.IsType<QemuTarget>(target);
    }

    // CI installs QEMU: there its absence is a fault, not a reason to skip.
    public static void RequireQemu() => Skip.If(
        ProcessLauncher.FindOnPath("qemu-system-x86_64") is null && Environment.GetEnvironmentVariable("CI") != "true",
        "qemu-system-x86_64 is not installed");

    public static bool IsRunning(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            return !process.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    // The kernel marks the lines of files that nobody can open any more.
    public static void AssertHasNoFileThatCouldBeLeft(int processId)
    {
        var ours = File.ReadAllLines($"/proc/{processId}/maps").Where(line => line.Contains("/viommu-", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(ours);
        Assert.All(ours, line => Assert.EndsWith(" (deleted)", line, StringComparison.Ordinal));
        var folder = ours[0][ours[0].IndexOf('/')..ours[0].LastIndexOf('/')];
        Assert.False(Directory.Exists(folder), folder);
    }

    public static string Script(string folder, string text)
    {
        var path = Path.Combine(folder, "program");
        File.WriteAllText(path, text);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }
}
