using Microsoft.Playwright;
using Viommu.Conformance.Comparing;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Tests.Reports;

/// <summary>Runs side by side, as a browser shows them.</summary>
public sealed class ComparisonPageTests(ChromiumFixture chromium) : IClassFixture<ChromiumFixture>, IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("conformance-compare-");
    private readonly List<string> complaints = [];

    public void Dispose() => folder.Delete(recursive: true);

    [SkippableFact]
    public async Task Every_clause_leads_from_its_text_to_its_checks_their_proofs_and_its_verdicts()
    {
        var page = await Open();
        Assert.Equal(Samples.Mixed.Clauses.Count, await page.Locator("#grid tr.clause").CountAsync());
        var row = page.Locator("#IOMMU-ATTACH-D-01");
        Assert.Contains("ATTACH request", await row.InnerTextAsync(), StringComparison.Ordinal);
        Assert.Equal(["FAIL", "NOT-TESTED"], await row.Locator(".badge").AllInnerTextsAsync());
        await row.Locator("summary").ClickAsync();
        Assert.Contains("a device that breaks IOMMU-ATTACH-D-01", await row.Locator("dl").InnerTextAsync(), StringComparison.Ordinal);
        Assert.Contains("no shared memory region", await page.Locator("#CORE-SHM-D-01 .why").InnerTextAsync(), StringComparison.Ordinal);
        Assert.Empty(complaints);
    }

    [SkippableFact]
    public async Task The_grid_is_narrowed_by_level_role_words_and_what_differs()
    {
        var page = await Open();
        await page.Locator("input[name=differs]").CheckAsync();
        await page.Locator("input[name=level][value=should]").CheckAsync();
        await page.Locator("input[type=search]").FillAsync("map-d-01");
        Assert.Equal(["IOMMU-MAP-D-01"], await page.Locator("#grid tr.clause:visible th").AllInnerTextsAsync());
        Assert.Equal($"1 of {Samples.Mixed.Clauses.Count} clauses", await page.Locator("#shown").InnerTextAsync());
        await page.Locator("input[name=role][value=driver]").CheckAsync();
        Assert.Equal(0, await page.Locator("#grid tr.clause:visible").CountAsync());
        Assert.Empty(complaints);
    }

    [SkippableTheory]
    [InlineData(1280)]
    [InlineData(390)]
    public async Task What_other_results_say_is_shown_and_nothing_runs_off_the_side(int width)
    {
        var page = await Open(width);
        Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= document.documentElement.clientWidth"));
        Assert.Contains("<script>alert(1)</script> {{nasty}}", await page.Locator("#runs").InnerTextAsync(), StringComparison.Ordinal);
        Assert.Equal("Something got worse", await page.Locator("#outcome").InnerTextAsync());
        Assert.Empty(complaints);
        if (Environment.GetEnvironmentVariable("CONFORMANCE_SCREENSHOTS") is { } shots)
            await page.ScreenshotAsync(new() { Path = Path.Combine(shots, $"compare-{width}.png") });
    }

    /// <summary>The whole sample, then a run of a few checks under a nasty name.</summary>
    private async Task<IPage> Open(int width = 1280)
    {
        var nasty = Samples.Recorded("second", Samples.Whole) with { Name = Samples.Nasty };
        var mixed = Samples.Recorded("first", Samples.Mixed);
        var worse = nasty with { Checks = [.. mixed.Checks.Select(c => c with { Verdict = Verdict.Crash, Observed = Verdict.Crash })] };
        worse = worse with { Clauses = [.. worse.Clauses.Select(c => c with { Verdict = Verdict.NotTested })] };
        var html = ComparisonReport.Html(new Comparison([mixed, worse]), Samples.Trace, ["first/index.html", null]);
        var path = Path.Combine(folder.FullName, "index.html");
        await File.WriteAllTextAsync(path, html);
        var page = await chromium.NewPage(new() { ViewportSize = new() { Width = width, Height = 1000 } });
        page.Console += (_, message) => complaints.Add($"console: {message.Text}");
        page.PageError += (_, error) => complaints.Add($"page: {error}");
        page.RequestFailed += (_, request) => complaints.Add($"request: {request.Url}");
        await page.GotoAsync(new Uri(path).AbsoluteUri);
        return page;
    }
}
