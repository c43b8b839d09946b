using System.Globalization;
using System.Text;

namespace Viommu.Fuzz.Reports;

/// <summary>One object of <c>stats.ndjson</c>.</summary>
internal sealed record Moment(double Seconds, long Execs, double ExecsPerSec, long Operations, int Corpus, int Edges, int States, int Findings);

/// <summary>Draws the statistics of a campaign: a strip for each number, over the same time.</summary>
internal static class StatisticsPlot
{
    private const int Width = 900;
    private const int Strip = 110;
    private const int Left = 90;
    private const int Top = 24;

    public static string Draw(IReadOnlyList<Moment> moments)
    {
        (string Name, Func<Moment, double> Value)[] strips =
        [
            ("edges", moment => moment.Edges), ("states", moment => moment.States), ("corpus", moment => moment.Corpus),
            ("findings", moment => moment.Findings), ("execs/s", moment => moment.ExecsPerSec),
        ];
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width}\" height=\"{strips.Length * Strip + Top}\" font-family=\"sans-serif\" font-size=\"12\">\n");
        svg.Append("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
        double end = moments.Count > 0 ? Math.Max(moments[^1].Seconds, 1e-3) : 1;
        for (int i = 0; i < strips.Length; i++) DrawStrip(svg, strips[i].Name, strips[i].Value, moments, end, Top + (i * Strip));
        svg.Append("</svg>\n");
        return svg.ToString();
    }

    private static void DrawStrip(StringBuilder svg, string name, Func<Moment, double> value, IReadOnlyList<Moment> moments, double end, int top)
    {
        const int Height = Strip - 30;
        double most = Math.Max(1, moments.Select(value).DefaultIfEmpty(0).Max());
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"8\" y=\"{top + 12}\">{name}</text><text x=\"8\" y=\"{top + 28}\" fill=\"gray\">{most:0}</text>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{Left}\" y1=\"{top + Height}\" x2=\"{Width - 10}\" y2=\"{top + Height}\" stroke=\"lightgray\"/>\n");
        svg.Append("<polyline fill=\"none\" stroke=\"steelblue\" points=\"");
        foreach (var moment in moments)
        {
            double x = Left + ((Width - 10 - Left) * moment.Seconds / end);
            double y = top + Height - (Height * value(moment) / most);
            svg.Append(CultureInfo.InvariantCulture, $"{x:0.0},{y:0.0} ");
        }

        svg.Append("\"/>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Width - 60}\" y=\"{top + Height + 14}\" fill=\"gray\">{end:0} s</text>\n");
    }
}
