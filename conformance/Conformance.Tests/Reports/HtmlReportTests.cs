using Microsoft.Playwright;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;
using Viommu.Conformance.Watching.Guests;

namespace Viommu.Conformance.Tests.Reports;

/// <summary>The page as a browser shows it.</summary>
public sealed class HtmlReportTests(ChromiumFixture chromium) : IClassFixture<ChromiumFixture>, IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("conformance-html-");
    private readonly List<string> complaints = [];

    public void Dispose() => folder.Delete(recursive: true);

    [SkippableFact]
    public async Task Every_clause_has_a_row_and_nothing_is_fetched()
    {
        var page = await Open(Samples.Whole);
        Assert.Equal(Samples.Whole.Clauses.Count, await page.Locator("tr.clause").CountAsync());
        Assert.Equal($"{Samples.Whole.Clauses.Count} clauses", await page.Locator("#shown").InnerTextAsync());
        Assert.Contains("qemu 7.2.22", await page.Locator("h1").InnerTextAsync(), StringComparison.Ordinal);
        Assert.Empty(complaints);
    }

    [SkippableFact]
    public async Task Filters_by_verdict_and_level_narrow_the_rows_and_reset_shows_all()
    {
        var page = await Open(Samples.Whole);
        await page.Locator("input[name=verdict][value=FAIL]").CheckAsync();
        Assert.Equal(Samples.Whole.Clauses.Count(c => c.Verdict == Verdict.Fail), await Visible(page));

        await page.Locator("input[name=verdict][value=WARN]").CheckAsync();
        Assert.Equal(Samples.Whole.Clauses.Count(c => c.Verdict is Verdict.Fail or Verdict.Warn), await Visible(page));

        await page.Locator("input[name=level][value=should]").CheckAsync();
        int warned = Samples.Whole.Clauses.Count(c => c.Verdict == Verdict.Warn);
        Assert.Equal(warned, await Visible(page));
        Assert.Equal($"{warned} of {Samples.Whole.Clauses.Count} clauses", await page.Locator("#shown").InnerTextAsync());

        await page.Locator("button[type=reset]").ClickAsync();
        await page.Locator("#shown").Filter(new() { HasTextString = "of" }).WaitForAsync(new() { State = WaitForSelectorState.Detached });
        Assert.Equal($"{Samples.Whole.Clauses.Count} clauses", await page.Locator("#shown").InnerTextAsync());
        Assert.Empty(complaints);
    }

    [SkippableFact]
    public async Task A_search_finds_clauses_in_families_that_are_folded_in()
    {
        var page = await Open(Samples.Whole);
        Assert.False(await page.Locator("#MMIO-REG-D-01").IsVisibleAsync());
        await page.Locator("input[type=search]").FillAsync("mmio-reg-d-01");
        Assert.True(await page.Locator("#MMIO-REG-D-01").IsVisibleAsync());
        Assert.Equal(1, await Visible(page));
    }

    [SkippableFact]
    public async Task What_is_said_of_more_than_clauses_is_there_as_well()
    {
        var crash = new GuestStep("read").Became(Verdict.Crash, "it does", "an oops", ["RIP: 0010:viommu_probe_endpoint", "  deeper"]);
        var page = await Open(Samples.Whole with { Checks = [new GuestStep("boot").Became(Verdict.Pass), crash, .. Samples.Whole.Checks] });
        await page.Locator("nav.findings a[href='#guest']").ClickAsync();
        Assert.True(await page.Locator("#guest").GetByText("The guest does 'boot'").IsVisibleAsync());
        Assert.Equal("RIP: 0010:viommu_probe_endpoint\n  deeper", await page.Locator("#guest pre").InnerTextAsync());
        Assert.Empty(complaints);
    }

    [SkippableFact]
    public async Task A_finding_at_the_top_leads_to_its_clause()
    {
        var page = await Open(Samples.Mixed);
        var links = page.Locator("nav.findings a");
        Assert.Equal(["IOMMU-ATTACH-D-01", "IOMMU-MAP-D-01", "IOMMU-MAP-D-01"], await links.AllInnerTextsAsync());
        await page.Locator("#family-IOMMU > summary").ClickAsync();
        Assert.False(await page.Locator("#IOMMU-MAP-D-01").IsVisibleAsync());
        await links.Last.ClickAsync();
        await page.Locator("#IOMMU-MAP-D-01").WaitForAsync();
    }

    [SkippableFact]
    public async Task Evidence_of_a_failure_folds_in_and_out_and_is_shown_not_obeyed()
    {
        var page = await Open(Samples.Mixed);
        var check = page.Locator("#IOMMU-ATTACH-D-01 details.check");
        Assert.True(await check.Locator("pre").IsVisibleAsync());
        Assert.Contains("</pre><script>alert(1)</script> {{nasty}} ]]> & \" ' \\x00\\x01\\x1b[31m", await check.Locator("pre").InnerTextAsync(), StringComparison.Ordinal);
        await check.Locator("summary").ClickAsync();
        Assert.False(await check.Locator("pre").IsVisibleAsync());

        var warning = page.Locator("#IOMMU-MAP-D-01 details.check").First;
        Assert.False(await warning.Locator("pre").IsVisibleAsync());
        await warning.Locator("summary").ClickAsync();
        Assert.True(await warning.Locator("pre").IsVisibleAsync());
        Assert.Empty(complaints);
    }

    [SkippableTheory]
    [InlineData(ColorScheme.Light, 1280)]
    [InlineData(ColorScheme.Dark, 1280)]
    [InlineData(ColorScheme.Light, 390)]
    public async Task Badges_can_be_read_and_nothing_runs_off_the_side(ColorScheme scheme, int width)
    {
        var page = await Open(Samples.Whole, scheme, width);
        Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= document.documentElement.clientWidth"));
        var contrast = await page.EvaluateAsync<double>("""
            () => {
              const light = c => { const [r, g, b] = c.match(/[\d.]+/g).slice(0, 3).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
              return Math.min(...[...document.querySelectorAll(".badge, .outcome")].map(e => {
                const s = getComputedStyle(e), [a, b] = [light(s.color), light(s.backgroundColor)].sort((x, y) => y - x);
                return (a + .05) / (b + .05);
              }));
            }
            """);
        Assert.InRange(contrast, 4.5, 21);
        if (Environment.GetEnvironmentVariable("CONFORMANCE_SCREENSHOTS") is { } shots)
            await page.ScreenshotAsync(new() { Path = Path.Combine(shots, $"{scheme}-{width}.png") });
    }

    [Fact]
    public void An_unfinished_run_says_so()
    {
        Assert.Contains("id=\"partial\"", new HtmlReport().Render(Samples.Whole with { Over = false }), StringComparison.Ordinal);
        Assert.DoesNotContain("id=\"partial\"", new HtmlReport().Render(Samples.Whole), StringComparison.Ordinal);
    }

    private static Task<int> Visible(IPage page) => page.Locator("tr.clause:visible").CountAsync();

    private async Task<IPage> Open(RunSnapshot run, ColorScheme scheme = ColorScheme.Light, int width = 1280)
    {
        var path = Path.Combine(folder.FullName, "index.html");
        await File.WriteAllTextAsync(path, new HtmlReport().Render(run));
        var page = await chromium.NewPage(new() { ColorScheme = scheme, ViewportSize = new() { Width = width, Height = 1000 } });
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning") complaints.Add(message.Text);
        };
        page.PageError += (_, error) => complaints.Add(error);
        page.Dialog += (_, dialog) => complaints.Add($"a dialog: {dialog.Message}");
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith("file:", StringComparison.Ordinal) && !request.Url.StartsWith("data:", StringComparison.Ordinal)) complaints.Add($"fetches {request.Url}");
        };
        await page.GotoAsync(new Uri(path).AbsoluteUri);
        return page;
    }
}
