using System.CommandLine;
using Spectre.Console;
using Viommu.Conformance.Program;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Watching.Guests;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Guests;
using Viommu.Fuzz.Program;
using Viommu.Fuzz.Tests.Program;
using Viommu.Guest.Targets;

namespace Viommu.Fuzz.Tests.Guests;

/// <summary>What <c>fuzz guest</c> makes of boots, which are not booted here but made up.</summary>
public sealed class GuestSearchTests : IDisposable
{
    private static readonly Finding Warning = new(new(GuestHarm.IsUnharmed, "WARNING", "foo", ""), "WARNING: CPU: 0 PID: 1 at foo+0x1/0x2", "");
    private static readonly Finding Hang = new(new(GuestHarm.Ends, "", "", ""), "the guest did not end in its time, twice", "");

    private readonly FuzzRun _run = new();
    private readonly StringWriter _output = new();
    private readonly CancellationTokenSource _user = new();

    private string Report => _run.PathOf("report");

    public void Dispose()
    {
        _user.Dispose();
        _output.Dispose();
        _run.Dispose();
    }

    [Theory]
    [InlineData("--limit", "29")]
    [InlineData("--boots", "0")]
    [InlineData("--time", "0")]
    [InlineData("--time", "-1")]
    [InlineData("--time", "NaN")]
    public void Numbers_that_make_no_sense_are_refused(string option, string number) =>
        Assert.Contains(option, Assert.Throws<UsageException>(() => Search(_ => Boot(), option, number)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_guest_that_ends_the_second_time_is_no_finding()
    {
        int boots = 0;

        Assert.Equal(0, Search(_ => ++boots == 1 ? Boot(Hang) : Boot(), "--boots", "2"));

        Assert.Equal(3, boots);
        Assert.False(Directory.Exists(Path.Combine(Report, "findings")));
    }

    [Fact]
    public void A_guest_that_does_not_end_twice_is_a_finding()
    {
        Assert.Equal(1, Search(_ => Boot(Hang), "--boots", "1", "--no-minimize"));

        Assert.Contains("FOUND guest-ends|||", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void In_what_is_left_of_the_lies_it_does_not_end_twice_either()
    {
        int all = Lies(0).Count();
        var told = new HashSet<string>();

        // All of them hang each time; with fewer the first of two boots does.
        Search(lies => lies.Count == all || told.Add(string.Join('\n', lies)) ? Boot(Hang) : Boot(), "--boots", "1", "--seed", "1");

        Assert.Equal(Lies(0), Kept(Hang).Lies.Select(lie => lie.ToString()));
    }

    [Fact]
    public void A_finding_is_on_the_disk_before_it_is_shrunk_and_again_after()
    {
        string? before = null;
        int boots = 0;

        Assert.Equal(1, Search(
            lies =>
            {
                if (++boots == 2) before = File.ReadAllText(FileOf(Warning));
                return Boot(Warning) with { Told = lies };
            },
            "--boots", "1", "--seed", "1"));

        Assert.Equal(Lies(0), LieFile.Parse(before!, "before").Lies.Select(lie => lie.ToString()));
        Assert.Single(Kept(Warning).Lies);
        Assert.Contains(": 1 lies show it as well", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_show_again_says_so_in_its_file()
    {
        int boots = 0;

        Assert.Equal(1, Search(lies => (++boots == 1 ? Boot(Warning) : Boot()) with { Told = lies }, "--boots", "1", "--seed", "1"));

        Assert.Equal(2, boots);
        Assert.Contains("\n# did not show again with the same lies\n", File.ReadAllText(FileOf(Warning)), StringComparison.Ordinal);
        Assert.Equal(Lies(0), Kept(Warning).Lies.Select(lie => lie.ToString()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_was_found_before_a_boot_failed_is_not_lost(bool isDevice)
    {
        Exception failure = isDevice ? new HarnessException([], new InvalidOperationException("the device is dead")) : new TargetUnavailableException("QEMU is gone");
        int boots = 0;

        var thrown = Assert.ThrowsAny<Exception>(() => Search(
            _ => ++boots == 1 ? Boot(Warning) : throw failure, "--seed", "1", "--keep-going", "--no-minimize", "--update-expectations", _run.PathOf("known.yaml")));

        Assert.Same(failure, thrown);
        Assert.Contains(Warning.Key.ToString(), File.ReadAllText(_run.PathOf("known.yaml")), StringComparison.Ordinal);
        Assert.True(File.Exists(FileOf(Warning)));
        Assert.Equal(Lies(1), LieFile.Read(Path.Combine(Report, "harness-failure.lies")).Lies.Select(lie => lie.ToString()));
        Assert.DoesNotContain("exit 0", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_campaign_of_which_no_boot_has_ended_says_nothing()
    {
        Assert.Equal(2, Search(_ => Interrupt()));
        Assert.Contains("exit 2", _output.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("exit 0", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_campaign_that_always_hangs_where_that_is_known_says_nothing_either() =>
        Assert.Equal(2, Search(_ => Boot(Hang), "--boots", "2", "--expect", Know("guest-ends|*")));

    [Fact]
    public void What_did_not_come_up_is_red_in_a_strict_campaign()
    {
        Assert.Equal(1, Search(_ => Boot(), "--boots", "1", "--strict", "--expect", Know("guest-ends|*")));
        Assert.Contains("NOT SEEN", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void But_not_where_the_user_has_ended_it()
    {
        int boots = 0;

        Assert.Equal(0, Search(_ => ++boots == 1 ? Boot() : Interrupt(), "--strict", "--expect", Know("guest-ends|*")));

        Assert.DoesNotContain("NOT SEEN", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_known_is_listed_and_kept_nowhere()
    {
        Assert.Equal(0, Search(_ => Boot(Warning), "--boots", "2", "--expect", Know("guest-is-unharmed|WARNING|foo|")));

        Assert.Contains("KNOWN guest-is-unharmed|WARNING|foo|: a reason (a url)", _output.ToString(), StringComparison.Ordinal);
        Assert.False(File.Exists(FileOf(Warning)));
    }

    [Fact]
    public void What_has_expired_is_red() => Assert.Equal(1, Search(_ => Boot(), "--boots", "1", "--expect", Know("guest-ends|*", "2020-01-01")));

    [Fact]
    public void What_is_known_is_no_news_where_lies_are_told_again_either()
    {
        Assert.Equal(1, Run(_ => Boot(Warning), _run.Folder, Write("a.lies")));
        Assert.Equal(0, Run(_ => Boot(Warning), _run.Folder, Write("a.lies"), "--expect", Know("guest-is-unharmed|WARNING|foo|")));

        Assert.Contains("KNOWN guest-is-unharmed|WARNING|foo|: a reason (a url)", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_guest_that_is_told_again_hangs_where_it_hangs_twice()
    {
        int boots = 0;

        Assert.Equal(0, Run(_ => ++boots % 2 == 1 ? Boot(Hang) : Boot(), _run.Folder, Write("a.lies")));
        Assert.Equal(1, Run(_ => Boot(Hang), _run.Folder, Write("a.lies")));
    }

    [Theory]
    [InlineData("--boots", "1")]
    [InlineData("--time", "1")]
    [InlineData("--seed", "1")]
    [InlineData("--keep-going")]
    [InlineData("--no-minimize")]
    [InlineData("--strict")]
    [InlineData("--report", "elsewhere")]
    [InlineData("--update-expectations", "known.yaml")]
    public void What_means_nothing_where_lies_are_told_again_is_refused(params string[] option) => Assert.Contains(
        option[0], Assert.Throws<UsageException>(() => Run(_ => Boot(), [_run.Folder, Write("a.lies"), .. option])).Message, StringComparison.Ordinal);

    [Fact]
    public void Files_that_nobody_waited_for_are_no_success()
    {
        int boots = 0;

        Assert.Equal(2, Run(_ => ++boots == 1 ? Boot() : Interrupt(), _run.Folder, Write("a.lies"), Write("b.lies"), Write("c.lies")));

        Assert.Contains("ended by the user after 1 of 3 files: exit 2", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_report_that_cannot_be_written_is_a_line_and_no_internal_error()
    {
        File.WriteAllText(Report, "a file");

        foreach (var name in (string[])["vmlinuz", "initrd.gz"]) File.WriteAllText(_run.PathOf(name), "");

        Assert.Equal(2, _run.Run("guest", _run.Folder, "--qemu", "dotnet", "--report", Report));

        Assert.StartsWith("fuzz: cannot write the report", _run.Error);
        Assert.DoesNotContain("internal error", _run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Statistics_that_find_no_room_say_so() => Assert.Contains(
        "stats.ndjson",
        Assert.Throws<ReportException>(() => Search(
            _ =>
            {
                File.Delete(Path.Combine(Report, "stats.ndjson"));
                Directory.CreateDirectory(Path.Combine(Report, "stats.ndjson"));
                return Boot();
            },
            "--boots", "1")).Message, StringComparison.Ordinal);

    private static IEnumerable<string> Lies(int boot) => GuestCampaign.LiesOf(1, boot).Select(lie => lie.ToString());

    private static GuestRun Boot(params Finding[] findings) =>
        new(new GuestCourse([], [], ["Linux version 6.12 of a test"], Ended: !findings.Contains(Hang), Death: null), 0, [], findings, TimeSpan.Zero);

    private GuestRun Interrupt()
    {
        _user.Cancel();
        var run = Boot();
        return run with { Course = run.Course with { Ended = null } };
    }

    private int Search(Func<IReadOnlyList<Lie>, GuestRun> boot, params string[] options) =>
        Run(lies => boot(lies) is var run && run.Told.Count == 0 ? run with { Told = lies } : run, [_run.Folder, "--report", Report, .. options]);

    private int Run(Func<IReadOnlyList<Lie>, GuestRun> boot, params string[] args)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Interactive = InteractionSupport.No, Out = new AnsiConsoleOutput(_output) });
        console.Profile.Width = 10_000;
        var host = new FuzzHost { Console = console, Error = TextWriter.Null, Interrupted = _user.Token };
        var command = new GuestCommand(host, _ => (lies, _) => boot(lies)).Command;
        return command.Parse(args).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    }

    private string FileOf(Finding finding) => Path.Combine(Report, "findings", finding.Key.FileName + LieFile.Extension);

    private LieFile Kept(Finding finding) => LieFile.Read(FileOf(finding));

    private string Write(string name)
    {
        File.WriteAllText(_run.PathOf(name), "viommu-lies 1\nsteps read\n");
        return _run.PathOf(name);
    }

    private string Know(string key, string? expires = null)
    {
        File.WriteAllText(_run.PathOf("expected.yaml"), $"- key: \"{key}\"\n  reason: \"a reason\"\n  url: \"a url\"\n{(expires is null ? "" : $"  expires: \"{expires}\"\n")}");
        return _run.PathOf("expected.yaml");
    }
}
