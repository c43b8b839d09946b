using System.Globalization;
using Spectre.Console;
using Viommu.Conformance.Program;
using Viommu.Fuzz.Engine.Campaigns;

namespace Viommu.Fuzz.Program;

/// <summary>Shows how a campaign goes: a table that is drawn anew on a terminal, a line every few seconds elsewhere.</summary>
internal abstract class Screen : IDisposable
{
    private TimeSpan _lastNew;
    private CampaignSnapshot _before;

    /// <summary>The one that suits the console.</summary>
    public static Screen For(IAnsiConsole console) =>
        console.Profile.Capabilities is { Interactive: true, Ansi: true } ? new LiveScreen(console) : new PlainScreen(console);

    /// <summary>Shows where the campaign stands.</summary>
    public void Show(Campaign campaign, double rate, string? trouble)
    {
        var now = campaign.Snapshot;
        if (now.Corpus != _before.Corpus) _lastNew = campaign.Elapsed;
        _before = now;
        Show(now, campaign.Elapsed, rate, campaign.Elapsed - _lastNew, trouble);
    }

    /// <inheritdoc/>
    public abstract void Dispose();

    protected abstract void Show(in CampaignSnapshot now, TimeSpan elapsed, double rate, TimeSpan sinceNew, string? trouble);

    private static string Number(double number) => number.ToString("#,0", CultureInfo.InvariantCulture);

    private static string Time(TimeSpan time) => time.ToString(time.TotalHours >= 1 ? @"h\:mm\:ss" : @"m\:ss", CultureInfo.InvariantCulture);

    private sealed class PlainScreen(IAnsiConsole console) : Screen
    {
        private static readonly TimeSpan _between = TimeSpan.FromSeconds(5);

        private TimeSpan _next = TimeSpan.FromSeconds(1);

        public override void Dispose()
        {
        }

        protected override void Show(in CampaignSnapshot now, TimeSpan elapsed, double rate, TimeSpan sinceNew, string? trouble)
        {
            if (elapsed < _next && trouble is null) return;
            while (_next <= elapsed) _next += _between;
            console.Line(string.Create(CultureInfo.InvariantCulture,
                $"{Time(elapsed)} execs {now.Executions} ({rate:0}/s) corpus {now.Corpus} edges {now.Edges} states {now.States} findings {now.Findings} last new {Time(sinceNew)} ago{(trouble is null ? "" : " TROUBLE: " + trouble)}"));
        }
    }

    private sealed class LiveScreen(IAnsiConsole console) : Screen
    {
        private int _lines;

        public override void Dispose()
        {
        }

        protected override void Show(in CampaignSnapshot now, TimeSpan elapsed, double rate, TimeSpan sinceNew, string? trouble)
        {
            if (_lines > 0) console.Write(new ControlCode($"\u001b[{_lines.ToString(CultureInfo.InvariantCulture)}A\u001b[J"));
            (string Name, string Value)[] rows =
            [
                ("time", Time(elapsed)), ("executions", Number(now.Executions)), ("a second", Number(rate)), ("corpus", Number(now.Corpus)),
                ("edges", Number(now.Edges)), ("states", Number(now.States)), ("findings", Number(now.Findings)), ("last new", Time(sinceNew) + " ago"),
            ];
            foreach (var (name, value) in rows) console.Line(($"  {name,-12}", new Style(Color.Grey)), ($"{value,16}", null));
            if (trouble is not null) console.Line(("  " + trouble, new Style(Color.Red)));
            _lines = rows.Length + (trouble is null ? 0 : 1);
        }
    }
}
