using System.Text;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Recorded;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Reports;

/// <summary>Runs with everything in them that a report has to show.</summary>
internal static class Samples
{
    /// <summary>Text that breaks whoever does not escape: markup of every report, control characters, half a surrogate pair.</summary>
    public const string Nasty = "</pre><script>alert(1)</script> {{nasty}} ]]> & \" ' \u0000\u0001\u001b[31m\u000b\ufffe \ud800 ```` | *x* 😀";

    /// <summary>One check of each verdict on the fake checks.</summary>
    public static RunSnapshot Mixed { get; } = ScriptedRun.Of(new ScriptedSession()
        .On(FakeChecks.Status, Verdict.NotApplicable, "RING_RESET is not offered", "")
        .On(FakeChecks.Attach, Verdict.Fail, "status INVAL (4), used length 4", $"status OK (0), used length 4 {Nasty}", "ATTACH domain=1 endpoint=0x8", Nasty)
        .On(FakeChecks.Map, Verdict.Warn, "status RANGE (5)", "status INVAL (4)", "MAP domain=1 virt=0x800..0xfff", "03 00 00 00")
        .On(FakeChecks.MapAgain, Verdict.Error, "the set-up holds", "ATTACH is answered NOMEM"));

    /// <summary>A run like a real one: a check on every device clause of the core and IOMMU chapters.</summary>
    public static RunSnapshot Whole { get; } = MakeWhole();

    /// <summary>Every clause, with the fake checks as what judges them, each proven by a device.</summary>
    public static Traceability Trace { get; } = new(ScriptedRun.Catalogue, NotTested.Load(),
        FakeChecks.All.Select(check => new TracedRule(check.Id, check.Title, check.Clauses, [$"a device that breaks {check.Id}"])));

    /// <summary>A run as it comes back from its results file.</summary>
    public static RecordedRun Recorded(string name, RunSnapshot run) => ResultsFile.Parse(name, Encoding.UTF8.GetBytes(new JsonReport().Render(run)), name);

    private static RunSnapshot MakeWhole()
    {
        var clauses = ScriptedRun.Catalogue.Clauses.Where(c => c.Role == Role.Device && c.Family is "CORE" or "IOMMU" && c.Observable != "no").ToList();
        var results = clauses.Where(c => c.Role == Role.Device).SelectMany((c, i) => new[]
        {
            Result(FakeChecks.Make($"{c.Id}.holds-for-a-plain-request", c.Level), (i % 11) switch
            {
                3 when c.Level == Level.Must => Verdict.Fail,
                3 when c.Level == Level.Should => Verdict.Warn,
                5 => Verdict.NotApplicable,
                8 when i > 60 => Verdict.ExpectedFailure,
                _ when i == 30 => Verdict.Crash,
                _ => Verdict.Pass,
            }),
            Result(FakeChecks.Make($"{c.Id}.holds-after-a-move-between-domains", c.Level), Verdict.Pass),
        }).ToList();
        var verdicts = new ClauseVerdicts(ScriptedRun.Catalogue, NotTested.Load()).Of(results);
        return new(new("qemu", "7.2.22"), 1UL << 32 | 0x57, 1, false, results, verdicts, [], Over: true);
    }

    private static CheckResult Result(Check check, Verdict verdict) => verdict switch
    {
        Verdict.Pass => new(check, verdict, "", "", [], 3) { Observed = verdict },
        Verdict.NotApplicable => new(check, verdict, "VIRTIO_IOMMU_F_MMIO is not offered", "", [], 0) { Observed = verdict },
        _ => new(check, verdict, "status INVAL (4), used length 4, endpoint not attached", "status OK (0), used length 4",
            [
                "ATTACH domain=1 endpoint=0x8 flags=0 reserved=01000000",
                "  > 01 00 00 00  01 00 00 00  08 00 00 00  00 00 00 00  01 00 00 00",
                "  < 00 00 00 00   used id=0 len=4",
                "MAP domain=1 virt=0x1000..0x1fff phys=ram+0x4000 flags=RW", "  < 00 00 00 00   used id=0 len=4",
            ], 12)
        { Observed = verdict },
    };
}
