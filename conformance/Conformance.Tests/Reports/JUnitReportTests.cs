using System.Xml.Linq;
using FsCheck;
using FsCheck.Fluent;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Reports;

public sealed class JUnitReportTests
{
    [Theory]
    [InlineData(Verdict.Pass, null)]
    [InlineData(Verdict.Fail, "failure")]
    [InlineData(Verdict.Crash, "failure")]
    [InlineData(Verdict.Timeout, "failure")]
    [InlineData(Verdict.UnexpectedPass, "failure")]
    [InlineData(Verdict.Error, "error")]
    [InlineData(Verdict.Missing, "error")]
    [InlineData(Verdict.NotApplicable, "skipped")]
    [InlineData(Verdict.Skip, "skipped")]
    [InlineData(Verdict.ExpectedFailure, "skipped")]
    [InlineData(Verdict.Warn, "system-out")]
    public void A_verdict_is_what_CI_systems_know_it_as(Verdict verdict, string? element)
    {
        var test = Case(Run(verdict), FakeChecks.Map);
        Assert.Equal(element is null ? [] : [element], test.Elements().Select(e => e.Name.LocalName));
    }

    [Fact]
    public void A_WARN_is_a_failure_of_a_strict_run() =>
        Assert.NotNull(Case(Run(Verdict.Warn) with { Strict = true }, FakeChecks.Map).Element("failure"));

    [Fact]
    public void Every_check_and_every_clause_without_one_is_a_test_case_and_the_totals_agree()
    {
        var suite = Parse(Samples.Mixed).Element("testsuite")!;
        var cases = suite.Elements("testcase").ToList();
        Assert.Equal(Samples.Mixed.Checks.Count + Samples.Mixed.Clauses.Count(c => c.Verdict == Verdict.NotTested), cases.Count);
        Assert.Equal(cases.Count, cases.Select(c => c.Attribute("name")!.Value).Distinct().Count());
        foreach (var (total, element) in ((string, string)[])[("failures", "failure"), ("errors", "error"), ("skipped", "skipped")])
            Assert.Equal(cases.Count(c => c.Element(element) is not null), (int)suite.Attribute(total)!);
        Assert.Equal(cases.Count, (int)suite.Attribute("tests")!);
    }

    [Fact]
    public void A_complaint_about_the_expectations_file_is_a_failure_of_its_own()
    {
        var cases = Parse(Samples.Mixed with { Complaints = ["known.yaml:1: 'X' matches no check"] }).Descendants("testcase");
        Assert.Single(cases, c => c.Attribute("classname")!.Value == "expectations file" && c.Element("failure") is not null);
    }

    [Fact]
    public void Nasty_text_is_spelt_out_and_stays_well_formed()
    {
        var failure = Case(Samples.Mixed, FakeChecks.Attach).Element("failure")!.Value;
        Assert.Contains("</pre><script>alert(1)</script> {{nasty}} ]]> & \" ' \\u0000\\u0001\\u001b[31m", failure, StringComparison.Ordinal);
        Assert.Contains("\\ufffe \\ud800", failure, StringComparison.Ordinal);
        Assert.Contains("😀", failure, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_a_device_says_the_file_is_XML() =>
        Prop.ForAll(ArbMap.Default.ArbFor<NonNull<string>>(), said =>
        {
            var run = ScriptedRun.Of(new ScriptedSession().On(FakeChecks.Map, Verdict.Fail, actual: said.Get, evidence: said.Get));
            return Case(run, FakeChecks.Map).Element("failure") is not null;
        }).Check(Config.QuickThrowOnFailure);

    private static RunSnapshot Run(Verdict verdict)
    {
        var run = ScriptedRun.Of(new ScriptedSession());
        return run with { Checks = [.. run.Checks.Select(c => c.Check.Id == FakeChecks.Map ? c with { Verdict = verdict } : c)] };
    }

    private static XElement Parse(RunSnapshot run) => XDocument.Parse(new JUnitReport().Render(run)).Root!;

    private static XElement Case(RunSnapshot run, string check) => Parse(run).Descendants("testcase").Single(c => c.Attribute("name")!.Value == check);
}
