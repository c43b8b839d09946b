using System.Text.Json;
using System.Xml.Linq;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Reports;

public sealed class ReportFolderTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("conformance-reports-");
    private readonly HandClock clock = new();

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void At_any_moment_of_a_run_all_reports_are_valid_and_hold_what_was_known()
    {
        var seen = new List<int>();
        var reports = Reports();
        ScriptedRun.Of(Ticking(), observer: new Both(reports, run =>
        {
            var json = JsonDocument.Parse(Read("results.json")).RootElement;
            Assert.Equal(run.Clauses.Count, json.GetProperty("clauses").GetArrayLength());
            int missing = json.GetProperty("checks").EnumerateArray().Count(c => c.GetProperty("verdict").GetString() == "MISSING");
            Assert.Equal(missing, XDocument.Parse(Read("junit.xml")).Descendants("error").Count());
            Assert.EndsWith("</html>\n", Read("index.html"), StringComparison.Ordinal);
            seen.Add(missing);
        }));
        Assert.Equal([5, 4, 3, 2, 1, 0, 0], seen);
        Assert.Equal(["index.html", "junit.xml", "results.json", "summary.md"], folder.GetFiles().Select(f => f.Name).Order());
    }

    [Fact]
    public void A_run_that_stands_still_in_time_writes_the_first_and_the_last_state_only()
    {
        var seen = new List<string>();
        ScriptedRun.Of(new ScriptedSession(), observer: new Both(Reports(), _ => seen.Add(Read("results.json"))));
        Assert.Equal(7, seen.Count);
        Assert.Equal(2, seen.Distinct().Count());
        Assert.Contains("\"PASS\": 5", seen[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Half_a_character_does_not_cost_the_report()
    {
        ScriptedRun.Of(new ScriptedSession().On(FakeChecks.Map, Verdict.Fail, Samples.Nasty, Samples.Nasty, Samples.Nasty), observer: Reports());
        Assert.Contains("\"FAIL\": 1", Read("results.json"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_refused_before_the_run()
    {
        var file = Path.Combine(folder.FullName, "file");
        File.WriteAllText(file, "");
        var error = Assert.Throws<ReportException>(() => new ReportFolder(Path.Combine(file, "out"), [new JsonReport()], clock));
        Assert.Contains(file, error.Message, StringComparison.Ordinal);
    }

    private ReportFolder Reports() =>
        new(folder.FullName, [new JsonReport(), new JUnitReport(), new MarkdownReport(ScriptedRun.Catalogue), new HtmlReport()], clock);

    private string Read(string name) => File.ReadAllText(Path.Combine(folder.FullName, name));

    private ScriptedSession Ticking()
    {
        var session = new ScriptedSession();
        foreach (var check in FakeChecks.All)
        {
            session.On(check.Id, () =>
            {
                clock.Now += TimeSpan.FromSeconds(2);
                return new(Verdict.Pass, "", "", [], 2000);
            });
        }
        return session;
    }

    /// <summary>Looks at the folder each time the reports have had their turn.</summary>
    private sealed class Both(ReportFolder reports, Action<RunSnapshot> look) : IRunObserver
    {
        public void RunStarted(RunSnapshot run)
        {
            reports.RunStarted(run);
            look(run);
        }

        public void CheckStarted(Check check) => reports.CheckStarted(check);

        public void CheckFinished(CheckResult result, RunSnapshot run)
        {
            reports.CheckFinished(result, run);
            look(run);
        }

        public void RunFinished(RunSnapshot run)
        {
            reports.RunFinished(run);
            look(run);
        }
    }
}
