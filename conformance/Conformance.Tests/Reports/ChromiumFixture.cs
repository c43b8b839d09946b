using Microsoft.Playwright;

namespace Viommu.Conformance.Tests.Reports;

/// <summary>The machine's own Chromium, started once; without one its tests are skipped, but for CI, where they fail.</summary>
public sealed class ChromiumFixture : IAsyncLifetime
{
    // In milliseconds: only what never happens takes as long.
    private const float Patience = 300_000;

    private IPlaywright? playwright;
    private IBrowser? browser;

    /// <summary>The browser, or the end of the test.</summary>
    public IBrowser Browser
    {
        get
        {
            if (browser is null && Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail("CI has to have a Chromium to look at the report with");
            Skip.If(browser is null, "no chromium, chromium-browser or google-chrome on PATH");
            return browser!;
        }
    }

    public async Task InitializeAsync()
    {
        if (Program() is not { } program) return;
        playwright = await Playwright.CreateAsync();
        browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = program, Args = ["--no-sandbox"], Headless = true, Timeout = Patience });
    }

    /// <summary>A page that waits for what is asked of it as long as any machine may take.</summary>
    public async Task<IPage> NewPage(BrowserNewPageOptions options)
    {
        var page = await Browser.NewPageAsync(options);
        page.SetDefaultTimeout(Patience);
        return page;
    }

    public async Task DisposeAsync()
    {
        if (browser is not null) await browser.DisposeAsync();
        playwright?.Dispose();
    }

    private static string? Program() =>
        (from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
         from name in (string[])["chromium", "chromium-browser", "google-chrome"]
         select Path.Combine(folder, name)).FirstOrDefault(File.Exists);
}
