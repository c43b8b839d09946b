using System.Globalization;
using System.Net;
using System.Text;
using Viommu.Fuzz.Engine.Instrumentation;

namespace Viommu.Fuzz.Reports;

/// <summary>The lines of the instrumented code, coloured by what reaches them; a file of its own, without anything beside it.</summary>
internal sealed class CoverageReport
{
    private const string Style = """
        body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:left}
        details{margin:.4em 0}pre{font-size:12px;line-height:1.35}.y{background:#d7f5d7}.n{background:#f9d5d5}.p{background:#fdf3c7}.k{color:gray;user-select:none}
        """;

    private readonly IReadOnlyList<(Edge Edge, bool Reached)> _edges;
    private readonly Dictionary<string, SortedDictionary<int, (int Reached, int All)>> _files = [];

    /// <summary>Holds edges of code whose lines are known.</summary>
    public CoverageReport(IReadOnlyList<(Edge Edge, bool Reached)> edges)
    {
        _edges = edges;
        foreach (var (edge, isReached) in edges)
        {
            if (!_files.TryGetValue(edge.File, out var lines)) _files[edge.File] = lines = [];
            foreach (int line in edge.Lines)
            {
                var (reached, all) = lines.GetValueOrDefault(line);
                lines[line] = (reached + (isReached ? 1 : 0), all + 1);
            }
        }
    }

    /// <summary>The files, in the order of their paths.</summary>
    public IEnumerable<CoveredFile> Files => _edges.GroupBy(edge => edge.Edge.File).OrderBy(file => file.Key, StringComparer.Ordinal).Select(file => new CoveredFile(
        file.Key,
        [.. _files[file.Key].Select(line => new CoveredLine(line.Key, line.Value.Reached > 0, [.. file.Where(edge => FirstLine(edge.Edge) == line.Key).Select(edge => edge.Reached)]))],
        [.. file.GroupBy(edge => edge.Edge.Method).Select(method => new CoveredMethod(method.Key, method.Min(edge => FirstLine(edge.Edge)), method.Any(edge => edge.Reached)))]));

    public int Edges => _edges.Count;

    public int CoveredEdges => _edges.Count(edge => edge.Reached);

    public double EdgePercent => Percent(CoveredEdges, Edges);

    public int Lines => _files.Values.Sum(lines => lines.Count);

    public int CoveredLines => _files.Values.Sum(lines => lines.Values.Count(line => line.Reached > 0));

    public double LinePercent => Percent(CoveredLines, Lines);

    public string Render()
    {
        var html = new StringBuilder($"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Coverage</title><style>{Style}</style><h1>Coverage</h1>\n");
        html.Append(CultureInfo.InvariantCulture, $"<p>Lines {CoveredLines} of {Lines} ({LinePercent:0.0} %), edges {CoveredEdges} of {Edges} ({EdgePercent:0.0} %). ");
        html.Append("Green: every edge to the line is taken; yellow: some are; red: none is.</p>\n");
        string root = CommonFolder(_files.Keys);
        foreach (var (file, lines) in _files.OrderBy(entry => entry.Key, StringComparer.Ordinal)) RenderFile(html, file, file[root.Length..], lines);
        return html.Append("</html>\n").ToString();
    }

    // Where an edge leads to is a line of those that it executes, but for code that the compiler made up.
    private static int FirstLine(Edge edge) => edge.Line > 0 ? edge.Line : edge.Lines[0];

    private static void RenderFile(StringBuilder html, string file, string shown, SortedDictionary<int, (int Reached, int All)> lines)
    {
        int covered = lines.Values.Count(line => line.Reached > 0);
        html.Append(CultureInfo.InvariantCulture, $"<details><summary>{WebUtility.HtmlEncode(shown)}: {Percent(covered, lines.Count):0} % of {lines.Count} lines</summary><pre>");
        // The sources are there where the coverage is made; without them the numbers still are.
        string[] source = File.Exists(file) ? File.ReadAllLines(file) : [];
        for (int number = 1; number <= source.Length; number++)
        {
            string colour = !lines.TryGetValue(number, out var line) ? "" : line.Reached == 0 ? "n" : line.Reached < line.All ? "p" : "y";
            html.Append(CultureInfo.InvariantCulture, $"<span class=\"k\">{number,5} </span><span class=\"{colour}\">{WebUtility.HtmlEncode(source[number - 1])}</span>\n");
        }

        html.Append("</pre></details>\n");
    }

    private static string CommonFolder(IEnumerable<string> files)
    {
        string? common = null;
        foreach (var file in files)
        {
            string folder = file[..(file.LastIndexOf('/') + 1)];
            common ??= folder;
            while (!folder.StartsWith(common, StringComparison.Ordinal)) common = common[..(common.TrimEnd('/').LastIndexOf('/') + 1)];
        }

        return common ?? "";
    }

    private static double Percent(int part, int all) => all == 0 ? 0 : 100.0 * part / all;
}
