using FsCheck;
using FsCheck.Fluent;
using Viommu.Conformance.Expectations;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Expectations;

public sealed class ExpectationWriterTests
{
    [Fact]
    public void Every_failure_gets_an_entry_for_its_target_that_the_next_run_accepts()
    {
        var session = new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail, actual: "status OK\nand more").On(FakeChecks.Map, Verdict.Warn)
            .On(FakeChecks.Unmap, Verdict.Crash, actual: "").On(FakeChecks.MapAgain, Verdict.Error);
        var written = Update("[]", session);
        Assert.Equal([FakeChecks.Attach, FakeChecks.Map, FakeChecks.Unmap], written.Select(e => e.Check.Pattern));
        Assert.All(written, e => Assert.Equal(("model", "none yet"), (e.Target?.Pattern, e.Url)));
        Assert.Equal("not explained yet; seen: status OK and more", written[0].Reason);

        var again = ScriptedRun.Of(session, new(written, default));
        Assert.Equal(3, again.Checks.Count(c => c.Verdict == Verdict.ExpectedFailure));
    }

    [Theory]
    [InlineData("7.2.22 (Debian)", "7.2.*")]
    [InlineData("9.1", "9.1")]
    [InlineData("git<abc>", "git?abc?")]
    public void A_new_entry_is_for_that_failure_and_that_series_of_versions(string version, string condition)
    {
        ScriptedSession Session(string said, string version) => new ScriptedSession { Target = new("model", version) }.On(FakeChecks.Attach, Verdict.Fail, actual: said);
        var first = Session("status OK\nat 0x1234", version);
        var entry = Assert.Single(ExpectationFile.Parse("new.yaml", ExpectationWriter.Update(ExpectationSet.None, ScriptedRun.Of(first))));
        Assert.Equal(("status OK", condition), (entry.Actual, entry.Version!.ToString()));
        Assert.Equal(0, ScriptedRun.Of(first, new([entry], default)).ExitCode);
        Assert.Equal(1, ScriptedRun.Of(Session("status RANGE", version), new([entry], default)).ExitCode);
        Assert.Equal(1, ScriptedRun.Of(Session("status OK", "10.0.1"), new([entry], default)).ExitCode);
    }

    [Fact]
    public void A_new_entry_is_for_the_configuration_that_was_judged()
    {
        ScriptedSession Session(string configuration) => new ScriptedSession { Target = new("model", "1.2.3", configuration) }.On(FakeChecks.Attach, Verdict.Fail);
        var entry = Assert.Single(ExpectationFile.Parse("new.yaml", ExpectationWriter.Update(ExpectationSet.None, ScriptedRun.Of(Session("pci, packed")))));
        Assert.Equal(0, ScriptedRun.Of(Session("pci, packed"), new([entry], default)).ExitCode);
        Assert.Equal(1, ScriptedRun.Of(Session("pci, split"), new([entry], default)).ExitCode);
        Assert.Null(Assert.Single(Update("[]", Session(""))).Configuration);
    }

    [Fact]
    public void A_death_is_recorded_without_its_words()
    {
        var written = Update("[]", new ScriptedSession().On(FakeChecks.Attach, Verdict.Crash, actual: "signal 6 in process 4711"));
        Assert.Null(Assert.Single(written).Actual);
    }

    [Fact]
    public void Entries_that_hold_keep_every_word()
    {
        var yaml = ExpectationSetTests.Entry(FakeChecks.Attach, "FAIL", "actual: status OK\n  version: '>=1'\n  configuration: '!mmio*'\n  feature: MAP_UNMAP\n  expires: 2030-01-01\n  target: mod*");
        var before = ExpectationSetTests.Set(yaml).Entries[0];
        var after = Assert.Single(Update(yaml, new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail)));
        Assert.Equal(("!mmio*", "MAP_UNMAP"), (after.Configuration!.ToString(), after.Feature!.ToString()));
        Assert.Equal((before.Reason, before.Url, before.Actual, before.Expires, before.Version!.ToString(), before.Target!.Pattern),
            (after.Reason, after.Url, after.Actual, after.Expires, after.Version!.ToString(), after.Target!.Pattern));
    }

    [Fact]
    public void An_entry_that_no_longer_holds_goes() =>
        Assert.Empty(Update(ExpectationSetTests.Entry(FakeChecks.Attach, "FAIL"), new ScriptedSession()));

    [Fact]
    public void An_entry_that_matches_nothing_goes() =>
        Assert.Empty(Update(ExpectationSetTests.Entry("IOMMU-ATACH-*", "FAIL"), new ScriptedSession()));

    [Fact]
    public void A_glob_that_holds_in_part_is_narrowed_and_keeps_its_reason()
    {
        var after = Update(ExpectationSetTests.Entry("IOMMU-MAP-*", "WARN"), new ScriptedSession().On(FakeChecks.MapAgain, Verdict.Warn));
        var entry = Assert.Single(after);
        Assert.Equal((FakeChecks.MapAgain, "because"), (entry.Check.Pattern, entry.Reason));
    }

    [Theory]
    [InlineData("target: qemu", Verdict.Pass)]
    [InlineData("version: '>9'", Verdict.Pass)]
    [InlineData("", Verdict.Error)]
    [InlineData("expires: 2020-01-01", Verdict.Pass)]
    public void An_entry_that_this_run_cannot_judge_stays(string condition, Verdict seen)
    {
        var after = Update(ExpectationSetTests.Entry(FakeChecks.Attach, "FAIL", condition), new ScriptedSession().On(FakeChecks.Attach, seen));
        Assert.Equal("because", Assert.Single(after).Reason);
    }

    [Fact]
    public void An_update_never_prolongs_an_entry_that_has_expired()
    {
        var after = Update(ExpectationSetTests.Entry(FakeChecks.Attach, "FAIL", "expires: 2020-01-01"), new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail));
        Assert.Equal(new DateOnly(2020, 1, 1), Assert.Single(after).Expires);
    }

    [Fact]
    public void A_changed_failure_replaces_the_entry()
    {
        var after = Update(ExpectationSetTests.Entry(FakeChecks.Attach, "FAIL", "actual: status RANGE"), new ScriptedSession().On(FakeChecks.Attach, Verdict.Crash));
        Assert.Equal(Verdict.Crash, Assert.Single(after).Verdict);
    }

    [Fact]
    public void Whatever_the_device_said_the_file_can_be_read_back() =>
        Prop.ForAll(ArbMap.Default.ArbFor<NonNull<string>>(), said =>
        {
            var run = ScriptedRun.Of(new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail, actual: said.Get));
            var read = ExpectationFile.Parse("new.yaml", ExpectationWriter.Update(ExpectationSet.None, run));
            return read is [{ Verdict: Verdict.Fail }] && ScriptedRun.Of(new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail, actual: said.Get), new(read, default)).ExitCode == 0;
        }).Check(Config.QuickThrowOnFailure);

    [Theory]
    [InlineData("- : # & * ! | > ' \" % @ ` \\ {{x}} \u0001\u001b\u0085\u2028 é 😀 \ufffe.")]
    [InlineData("two\nlines and\ta tab")]
    public void Any_text_survives_in_a_reason(string reason)
    {
        var before = new Expectation(new("IOMMU-*"), Verdict.Fail, reason, "u") { Target = new("other"), Where = "here" };
        var text = ExpectationWriter.Update(new([before], default), ScriptedRun.Of(new ScriptedSession()));
        Assert.Equal(reason, Assert.Single(ExpectationFile.Parse("new.yaml", text)).Reason);
    }

    private static IReadOnlyList<Expectation> Update(string yaml, ScriptedSession session)
    {
        var before = ExpectationSetTests.Set(yaml);
        return ExpectationFile.Parse("new.yaml", ExpectationWriter.Update(before, ScriptedRun.Of(session, before)));
    }
}
