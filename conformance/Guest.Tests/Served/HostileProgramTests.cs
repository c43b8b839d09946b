using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Processes;
using Viommu.Guest.Targets.Served;
using Viommu.Guest.Tests.Qemu;

namespace Viommu.Guest.Tests.Served;

/// <summary>Programs that do not do what the protocol says: each ends as the verdict that it earns, and none outlives its target.</summary>
public sealed class HostileProgramTests : IDisposable
{
    private const string Hello = "read hello; echo 'OK 1 name=hostile device=mmio:0x1000 time=virtual can=reset endpoints=0x8'";
    private const string Start = $"{Hello}; read start; echo OK";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hostile-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_program_that_dies_is_a_death_with_its_last_words()
    {
        using var target = Open($"{Start}; read command; echo 'assertion failed: x' >&2; exit 3");
        var death = Assert.Throws<TargetDiedException>(() => target.MmioRead(0x1000, 4));
        Assert.Equal("hostile ended with exit code 3", death.Message);
        Assert.Equal("assertion failed: x", death.LastWords);
        Assert.Throws<TargetDiedException>(() => target.MmioWrite(0x1000, 4, 1));
    }

    [Fact]
    public void A_program_that_is_ended_by_a_signal_says_which()
    {
        using var target = Open($"{Start}; read command; kill -SEGV $$");
        Assert.Equal("hostile was ended by signal 11 (SIGSEGV)", Assert.Throws<TargetDiedException>(() => target.MmioRead(0x1000, 4)).Message);
    }

    [Fact]
    public void A_program_that_closes_its_output_and_runs_on_has_died_to_us()
    {
        using var target = Open($"{Start}; read command; exec >&-; {Sleep}");
        Assert.Equal("hostile closed its connection and runs on", Assert.Throws<TargetDiedException>(() => target.MmioRead(0x1000, 4)).Message);
        target.Dispose();
        AssertNothingRuns();
    }

    [Theory]
    [InlineData("sleep 600 & echo $! >pids; wait", false)]
    [InlineData("until [ -e late ]; do sleep 0.1; done; echo OK 0x1; touch answered", true)]
    public void A_program_that_answers_late_or_never_hangs(string instead, bool answers)
    {
        using var target = Open($"{Start}; read command; {instead}; {Sleep}", deadline: TimeSpan.FromSeconds(0.5));
        Assert.Equal("hostile did not answer 'read mmio 0x1000 4' within 0.5 s", Assert.Throws<TargetHungException>(() => target.MmioRead(0x1000, 4)).Message);
        File.WriteAllText(Path.Combine(_folder.FullName, "late"), "");
        Assert.True(!answers || SpinWait.SpinUntil(() => File.Exists(Path.Combine(_folder.FullName, "answered")), TimeSpan.FromMinutes(2)));
        Assert.Throws<TargetHungException>(() => target.MmioRead(0x1000, 4));
        target.Dispose();
        AssertNothingRuns();
    }

    [Fact]
    public void A_slow_device_says_how_long_it_may_take()
    {
        using var target = Open($"{Start.Replace("time=virtual", "deadline=120", StringComparison.Ordinal)}; read command; sleep 1; echo OK 0x1; {Sleep}", deadline: TimeSpan.FromSeconds(0.5));
        Assert.Equal(1ul, target.MmioRead(0x1000, 4));
    }

    [Theory]
    [InlineData("echo 'what is that'", "answered 'read mmio 0x1000 4' by 'what is that', which is not the protocol")]
    [InlineData("printf '\\000\\033[2J\\377\\n'", "by '??[2J?', which is not the protocol")]
    [InlineData("cat /dev/zero", "sent a line that does not end: '???")]
    [InlineData("yes OK", "answered 'read mmio 0x1000 4' by 'OK', which is not the protocol")]
    public void A_program_that_gives_no_sensible_answer_hangs(string instead, string how)
    {
        using var target = Open($"{Start}; read command; {instead}; {Sleep}");
        Assert.Contains(how, Assert.Throws<TargetHungException>(() => target.MmioRead(0x1000, 4)).Message, StringComparison.Ordinal);
        target.Dispose();
        AssertNothingRuns();
    }

    [Fact]
    public void A_program_that_answers_more_than_it_is_asked_hangs_at_the_next_command()
    {
        // Written at once: what comes later cannot be told from an answer until it is one too many.
        using var target = Open($"{Start}; read command; printf 'OK 0x1\\nOK 0x2\\n'; {Sleep}");
        Assert.Equal(1ul, target.MmioRead(0x1000, 4));
        Assert.Contains("said what it was not asked for: 'OK 0x2'", Assert.Throws<TargetHungException>(() => target.MmioRead(0x1000, 4)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("OK 00")]
    [InlineData("OK 000000")]
    [InlineData("OK 0g01")]
    [InlineData("OK")]
    [InlineData("FAULT 0001")]
    [InlineData("NO")]
    public void Bytes_that_an_access_cannot_have_read_are_refused(string answer)
    {
        using var target = Open($"{Start}; read command; echo {answer}; {Sleep}");
        Assert.Contains($"by '{answer}'", Assert.Throws<TargetHungException>(() => target.BusMasters[0].Load(0, 0, 2)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("OK")]
    [InlineData("FAULT")]
    public void A_DMA_engine_moves_bytes_that_nobody_sees(string answer)
    {
        using var target = Open($"{Start.Replace("=0x8'", "=0x8 buffer=0x400'", StringComparison.Ordinal)}; read command; echo \"$command\" >asked; echo {answer}; read command; echo OK 00; {Sleep}");
        var engine = target.BusMasters[0];
        Assert.Equal((8u, 0x400), (engine.EndpointId, engine.BufferSize));
        Assert.Throws<ArgumentOutOfRangeException>(() => engine.Load(0, 0x3ff, 2));
        engine.Store(0x1000, 0x3fe, 2);
        Assert.Equal("dma 0x8 store 0x1000 0x3fe 0x2\n", File.ReadAllText(Path.Combine(_folder.FullName, "asked")));
        Assert.Contains("by 'OK 00'", Assert.Throws<TargetHungException>(() => engine.Load(0x1000, 0, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_that_cannot_do_it_is_no_finding()
    {
        using var target = Open($"{Start}; read command; echo ERR no such switch; {Sleep}");
        Assert.Equal("hostile cannot do 'reset': no such switch", Assert.Throws<GuestSetupException>(target.SystemReset).Message);
    }

    [Theory]
    [InlineData("exit 4", "the program ended with exit code 4; on standard error: (it wrote nothing)")]
    [InlineData("echo no licence >&2; exit 1", "exit code 1; on standard error: no licence")]
    [InlineData("read hello; echo INFO booting; read more", "by 'INFO booting', which is not the protocol; standard output is for answers alone")]
    [InlineData("read hello; echo ERR I speak version 9; read more", "the program cannot do 'hello 1': I speak version 9")]
    [InlineData("read hello; echo OK 1 name=x; read more", "the answer to 'hello 1' makes no sense: the device's name and place are missing")]
    [InlineData($"{Hello}; read start; echo ERR cannot map it; read more", "cannot map it")]
    [InlineData($"{Hello}; read start; echo NO device today; read more", "NO device today")]
    [InlineData($"{Hello}; exit 5", "hostile ended with exit code 5")]
    public void A_program_that_does_not_get_as_far_as_a_device_is_unavailable(string script, string why)
    {
        using var source = Source($"{script}; {Sleep}");
        var refusal = Assert.Throws<TargetUnavailableException>(() => source.Open(TargetShape.Default, out _));
        Assert.StartsWith("--target exec: ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(why.Replace("NO ", "", StringComparison.Ordinal), refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(refusal.Message, char.IsControl);
        AssertNothingRuns();
    }

    [Fact]
    public void A_program_that_does_not_flush_or_does_not_know_the_protocol_is_told_what_to_do()
    {
        using var source = Source($"read hello; {Sleep}", patience: TimeSpan.FromSeconds(1));
        var refusal = Assert.Throws<TargetUnavailableException>(() => source.Open(TargetShape.Default, out _));
        Assert.Contains("did not answer 'hello 1' within 1 s; every line of its standard input takes one line", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("has to be flushed", refusal.Message, StringComparison.Ordinal);
        AssertNothingRuns();
    }

    [Theory]
    [InlineData("/nowhere/vmm", "there is no program /nowhere/vmm")]
    [InlineData("no-such-vmm --help", "no program no-such-vmm on PATH; one in the current directory is ./no-such-vmm")]
    [InlineData("/etc/passwd", "Permission denied")]
    [InlineData("/", "there is no program /")]
    public void A_program_that_cannot_be_started_is_unavailable(string command, string why)
    {
        using var source = new ServedTargetSource(command);
        Assert.Contains(why, Assert.Throws<TargetUnavailableException>(() => source.Open(TargetShape.Default, out _)).Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void What_a_program_leaves_running_ends_with_it_even_where_it_has_ended_first()
    {
        Skip.If(ProcessLauncher.FindOnPath("setsid") is null && Environment.GetEnvironmentVariable("CI") != "true", "setsid is not installed");
        using var target = Open($"(sleep 600 & echo $! >>{_folder}/pids) >/dev/null 2>&1; {Start}; read command; exit 1");
        Assert.Throws<TargetDiedException>(() => target.MmioRead(0x1000, 4));
        Assert.Single(Pids());
        target.Dispose();
        AssertNothingRuns();
    }

    [Fact]
    public void A_program_that_ignores_the_end_of_its_input_is_ended()
    {
        using var target = Open($"trap '' TERM HUP INT; {Start}; {Sleep}");
        target.Dispose();
        target.Dispose();
        target.Kill();
        AssertNothingRuns();
    }

    [Fact]
    public void A_program_that_ends_with_its_input_is_given_time_to()
    {
        using var target = Open($"{Start}; while read command; do :; done; echo tidied >{_folder}/tidied");
        target.Dispose();
        Assert.True(File.Exists(Path.Combine(_folder.FullName, "tidied")));
    }

    [Fact]
    public async Task A_call_that_waits_is_ended_by_a_kill()
    {
        using var target = Open($"{Start}; read command; touch {_folder}/asked; {Sleep}");
        var read = Task.Run(() => target.MmioRead(0x1000, 4));
        while (!File.Exists(Path.Combine(_folder.FullName, "asked"))) await Task.Yield();
        target.Kill();
        Assert.Equal("hostile was killed by the harness", (await Assert.ThrowsAsync<TargetDiedException>(() => read)).Message);
        AssertNothingRuns();
    }

    [Fact]
    public void The_file_that_is_memory_has_no_name_once_the_device_runs()
    {
        using var target = Open($"{Hello}; read start size path; exec 3<\"$path\"; echo \"$path\" >{_folder}/path; echo OK; read command; echo OK 0x$(dd bs=1 skip=1048576 count=4 <&3 2>/dev/null); {Sleep}");
        var path = File.ReadAllText(Path.Combine(_folder.FullName, "path")).Trim();
        Assert.EndsWith("/ram", path, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.GetDirectoryName(path)));
        target.Ram.Write(0x10_0000, "cafe"u8);
        Assert.Equal(0xcafeul, target.MmioRead(0x1000, 2));
    }

    // A child of the shell, so that there is a tree to be ended, not a process.
    private string Sleep => $"echo $$ >>{_folder}/pids; sleep 600 & echo $! >>{_folder}/pids; wait";

    private ITarget Open(string script, TimeSpan? deadline = null)
    {
        using var source = Source(script, deadline: deadline);
        var target = source.Open(TargetShape.Default, out var whyNot);
        Assert.Null(whyNot);
        return target!;
    }

    // What is not about time has more of it than any machine needs.
    private ServedTargetSource Source(string script, TimeSpan? patience = null, TimeSpan? deadline = null)
    {
        var path = QemuFixture.Script(_folder.FullName, $"#!/bin/sh\ncd {_folder}\n{script.Replace("; ", "\n", StringComparison.Ordinal)}\n");
        return new ServedTargetSource(path) { Patience = patience ?? TimeSpan.FromMinutes(2), Deadline = deadline ?? TimeSpan.FromMinutes(2) };
    }

    private string[] Pids() => File.Exists(Path.Combine(_folder.FullName, "pids")) ? File.ReadAllLines(Path.Combine(_folder.FullName, "pids")) : [];

    private void AssertNothingRuns() => Assert.All(Pids(), pid => Assert.True(
        SpinWait.SpinUntil(() => !IsRunning(pid), TimeSpan.FromMinutes(2)), $"process {pid} runs on"));

    // One that has ended and that nobody has waited for runs no more.
    private static bool IsRunning(string pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/stat").Split(')')[^1].TrimStart()[0] != 'Z';
        }
        catch (IOException)
        {
            return false;
        }
    }
}
