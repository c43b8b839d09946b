using System.Diagnostics;
using Viommu.Conformance.Exploration;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Program;
using Viommu.Guest.Targets.Processes;
using Viommu.Guest.Targets.Qemu;

namespace Viommu.Conformance.Tests.Exploration;

/// <summary><c>replay --export-qtest</c>: what is handed to the people of QEMU does there what it did here.</summary>
public sealed class QtestExportTests : IDisposable
{
    private const string Requests = """
        viommu-script 1
        # what it shows
        features MAP_UNMAP PROBE
        attach domain=1 endpoint=ep0 reserved=0x1
        map domain=1 virt=0x1000..0x1fff phys=ram+0x0 flags=RW
        unmap domain=1 virt=0x0..0xffff

        """;

    private const string Accesses = """
        viommu-script 1
        attach domain=1 endpoint=ep0
        map domain=1 virt=0x1000..0x1fff phys=ram+0x0 flags=RW
        dma ep0 write 0x1ff0 length=16
        dma ep0 read 0x1100
        dma ep0 read 0x8000
        system-reset
        dma ep1 read ram+0x200

        """;

    private readonly CliRun cli = new() { OnRealTarget = true, Width = 400 };

    public void Dispose() => cli.Dispose();

    [SkippableTheory]
    [InlineData(Requests, "qemu")]
    [InlineData(Requests, "qemu,ring=packed")]
    [InlineData(Accesses, "qemu")]
    [InlineData(Requests, "qemu,transport=mmio")]
    [InlineData(Accesses, "qemu,transport=mmio")]
    public void Qemu_alone_answers_as_the_replay_was_answered(string script, string target) => AssertIsReproduced(script, target);

    [SkippableTheory]
    [InlineData(Requests)]
    [InlineData(Accesses)]
    public void A_qemu_of_these_days_does_too(string script)
    {
        string? named = Environment.GetEnvironmentVariable("RECENT_QEMU");
        Skip.If(string.IsNullOrEmpty(named), "RECENT_QEMU names no qemu-system-x86_64");
        AssertIsReproduced(script, $"qemu:{named}");
    }

    [SkippableFact]
    public void Each_step_says_what_it_is_what_would_be_right_and_what_came()
    {
        var text = Export(Requests, "qemu", out var exit);
        Assert.Equal(ExitCode.Findings, exit);
        Assert.Contains("# what it shows\n", text, StringComparison.Ordinal);
        Assert.Contains("""
            # attach domain=1 endpoint=ep0 reserved=0x1
            # expected: DEVERR or INVAL or NOMEM
            # seen: OK used=4, which breaks IOMMU-ATTACH-D-01
            write 0x
            """, text, StringComparison.Ordinal);
        // Another QEMU has no file to share with us, and nobody wants to see what is in memory that nothing reads.
        Assert.DoesNotContain("mem-path", text, StringComparison.Ordinal);
        Assert.All(text.Split('\n'), line => Assert.InRange(line.Length, 0, 2048));
    }

    [SkippableFact]
    public void The_end_of_the_process_is_the_end_of_the_file()
    {
        var text = Export("viommu-script 1\nprobe endpoint=ep0 size=8\n", "qemu", out _);
        Skip.IfNot(cli.Output.Contains("the target died", StringComparison.Ordinal), "this QEMU survives it");
        Assert.Contains("# This is the end of the process:\n#   the target died\n#   qemu-system-x86_64: ", text, StringComparison.Ordinal);
        Assert.Contains("QEMU alone gives the same answers", cli.Output, StringComparison.Ordinal);
        Assert.NotEqual(0, RunAsTheHeadSays(text).Exit);
    }

    [SkippableTheory]
    [InlineData("# = 0x0000000000000001", "read 1 is answered 0x0000000000000000, and was 0x0000000000000001")]
    [InlineData("", "QEMU answers 'FAIL Unknown command")]
    public void What_qemu_alone_does_not_show_is_not_handed_out_as_if_it_did(string answer, string difference)
    {
        RequireQemu();
        var transcript = new QtestTranscript();
        transcript.Restart("qemu-system-x86_64", ["-nodefaults", "-display", "none", "-M", "q35", "-accel", "tcg"], new Q35Board().PowerOff);
        transcript.BeginStep(0);
        transcript.Add(answer.Length > 0 ? "readl 0xfed00010" : "knock");
        if (answer.Length > 0) transcript.Answered(answer[4..]);
        Assert.Contains(difference, new QtestScript(transcript, ["a made-up one"], [["a step"]], end: null).Save(cli.PathOf("made-up.qtest")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, "--export-qtest takes --target qemu", "model")]
    [InlineData(2, "--export-qtest takes one script, not 2", "qemu")]
    public void What_cannot_be_exported_is_refused(int scripts, string message, string target)
    {
        var file = cli.Write("a.viommu", Requests);
        Assert.Equal(ExitCode.Usage, cli.Invoke(["replay", .. Enumerable.Repeat(file, scripts), "--target", target, "--export-qtest", cli.PathOf("out")]));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
    }

    private void AssertIsReproduced(string script, string target)
    {
        var text = Export(script, target, out _);
        Assert.Contains("QEMU alone gives the same answers", cli.Output, StringComparison.Ordinal);
        List<string> told = [.. text.Split('\n').Where(line => line.StartsWith("# = ", StringComparison.Ordinal)).Select(line => line["# = ".Length..])];
        Assert.InRange(told.Count, 20, int.MaxValue);
        var (exit, output) = RunAsTheHeadSays(text);
        Assert.Equal(0, exit);
        Assert.Equal(told, output.Where(line => line.StartsWith("OK ", StringComparison.Ordinal)).Select(line => line["OK ".Length..]));
        Assert.DoesNotContain(output, line => line.StartsWith("FAIL", StringComparison.Ordinal));
    }

    private string Export(string script, string target, out int exit)
    {
        RequireQemu();
        exit = cli.Invoke("replay", cli.Write("script.viommu", script), "--target", target, "--export-qtest", cli.PathOf("out.qtest"));
        Assert.Equal("", cli.Error);
        return File.ReadAllText(cli.PathOf("out.qtest"));
    }

    /// <summary>Does what anybody does who gets the file: copies the two commands of its head into a shell.</summary>
    private (int Exit, string[] Output) RunAsTheHeadSays(string text)
    {
        var commands = text.Split('\n').Where(line => line.StartsWith("#   ", StringComparison.Ordinal)).Take(2).Select(line => line["#   ".Length..]);
        using var shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", string.Join('\n', commands)])
        {
            WorkingDirectory = Path.GetDirectoryName(cli.PathOf("out.qtest")),
            RedirectStandardOutput = true,
        })!;
        var output = shell.StandardOutput.ReadToEnd();
        shell.WaitForExit();
        return (shell.ExitCode, output.Split('\n'));
    }

    // CI installs QEMU: there its absence is a fault, not a reason to skip.
    private static void RequireQemu() => Skip.If(
        ProcessLauncher.FindOnPath("qemu-system-x86_64") is null && Environment.GetEnvironmentVariable("CI") != "true", "qemu-system-x86_64 is not installed");
}
