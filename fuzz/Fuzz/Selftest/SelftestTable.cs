using System.Globalization;
using System.Text;
using System.Text.Json;
using Viommu.Conformance.Selftest;

namespace Viommu.Fuzz.Selftest;

/// <summary>A row of the table: a broken device, and what came of each seed.</summary>
internal sealed record SelftestRow(BrokenDevice Device, IReadOnlyList<string> Targets, IReadOnlyList<SearchResult> Results)
{
    public int Found => Results.Count(result => result.Target is not null);

    /// <summary>Found by more than half of the seeds.</summary>
    public bool IsFound => Found * 2 > Results.Count;

    /// <summary>Seconds until the finding; a campaign that found nothing counts as one that took for ever. Null where that is the median.</summary>
    public double? Median => IsFound ? Results.Select(result => result.Target is null ? double.PositiveInfinity : result.Seconds).Order().ElementAt(Results.Count / 2) : null;

    /// <summary>Executions until the finding, the median of the seeds that have one.</summary>
    public long? Executions => IsFound ? Results.Where(result => result.Target is not null).Select(result => result.Executions).Order().ElementAt(Found / 2) : null;

    /// <summary>The chapter of the spec that the device breaks.</summary>
    public string Chapter => Device.Breaks[0].StartsWith("DESC-", StringComparison.Ordinal) ? Device.Breaks[0].Split('-')[1] : Device.Breaks[0].Split('-')[0];
}

/// <summary>The table of <c>fuzz selftest</c>, for people and for programs.</summary>
internal static class SelftestTable
{
    public static string Markdown(IReadOnlyList<SelftestRow> rows, string command)
    {
        var text = new StringBuilder($"# Which broken devices the fuzzer finds\n\nWritten by `{command}`, without being told where to look: campaigns on every target that can show\n"
            + "anything of a device run side by side, and the first finding ends them. Seconds are what that takes of two processors that do nothing else, without the\n"
            + "start of the program (two to three seconds).\n\n"
            + "| chapter | devices | found | within 60 s |\n|---|---|---|---|\n");
        foreach (var chapter in rows.GroupBy(row => row.Chapter).OrderBy(chapter => chapter.Key, StringComparer.Ordinal)) Sum(text, chapter.Key, [.. chapter]);
        Sum(text, "all", rows);
        text.Append("\n| device | breaks | found | by | median s | executions | finding |\n|---|---|---|---|---|---|---|\n");
        foreach (var row in rows)
        {
            string by = string.Join(", ", row.Results.Select(result => result.Target).OfType<string>().Distinct());
            string key = row.Results.FirstOrDefault(result => result.Target is not null)?.Key.Replace("|", "\\|", StringComparison.Ordinal) ?? "";
            string median = row.Median?.ToString("0.00", CultureInfo.InvariantCulture) ?? "";
            text.Append(CultureInfo.InvariantCulture, $"| {row.Device.Name} | {row.Device.Breaks[0]} | {row.Found} of {row.Results.Count} | {(by.Length > 0 ? by : "not found")} | {median} | {row.Executions} | {key} |\n");
        }

        return text.ToString();
    }

    /// <summary>One object a line.</summary>
    public static string Json(IEnumerable<SelftestRow> rows) => string.Concat(rows.Select(row => JsonSerializer.Serialize(new
    {
        device = row.Device.Name,
        breaks = row.Device.Breaks,
        targets = row.Targets,
        found = row.IsFound,
        median = row.Median is { } median ? Math.Round(median, 2) : (double?)null,
        seeds = row.Results.Select(result => new { target = result.Target, seconds = Math.Round(result.Seconds, 2), executions = result.Executions, finding = result.Key }),
    }) + "\n"));

    private static void Sum(StringBuilder text, string name, IReadOnlyList<SelftestRow> rows) => text.Append(
        CultureInfo.InvariantCulture, $"| {name} | {rows.Count} | {rows.Count(row => row.IsFound)} | {rows.Count(row => row.Median <= 60)} |\n");
}
