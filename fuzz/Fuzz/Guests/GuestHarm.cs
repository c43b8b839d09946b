using System.Text.RegularExpressions;
using Viommu.Conformance.Running;
using Viommu.Conformance.Watching.Guests;
using Viommu.Fuzz.Engine.Findings;

namespace Viommu.Fuzz.Guests;

/// <summary>What a guest shows of its driver's bugs, whatever its device has told it.</summary>
internal static partial class GuestHarm
{
    /// <summary>A kernel comes to no harm by what a device says.</summary>
    public const string IsUnharmed = "guest-is-unharmed";

    /// <summary>A kernel does not wait for ever with nothing outstanding.</summary>
    public const string Ends = "guest-ends";

    // As many lines behind the first of a report as may pass before the one that says where.
    private const int ReportLines = 12;

    /// <summary>What is wrong with a guest, told apart by what it was and where; empty where nothing is.</summary>
    public static IReadOnlyList<Finding> Of(GuestCourse course, IEnumerable<CheckResult> rules)
    {
        var found = new List<Finding>();
        foreach (string line in course.Harmed.Where(line => !line.Contains("Kernel panic", StringComparison.Ordinal) || course.Harmed.Count == 1))
        {
            int at = course.Console.ToList().IndexOf(line);
            var report = course.Console.Skip(at).Take(ReportLines).ToList();
            string where = report.Select(text => Place().Match(text)).FirstOrDefault(match => match.Success)?.Groups[1].Value ?? "";
            found.Add(new(new(IsUnharmed, Kind(line), where, ""), line, string.Join('\n', report)));
        }

        if (course.Ended == false && found.Count == 0) found.Add(new(new(Ends, "", "", ""), "the guest did not end in its time", string.Join('\n', course.Console.TakeLast(ReportLines))));
        found.AddRange(rules.Where(result => result.Verdict is Verdict.Fail or Verdict.Warn)
            .Select(result => new Finding(new(result.Check.Clauses[0], "", result.Check.Id, ""), $"{result.Expected}; {result.Actual}", string.Join('\n', result.Evidence))));
        return [.. found.DistinctBy(finding => finding.Key)];
    }

    // Without addresses, processes and line numbers, which differ from boot to boot.
    private static string Kind(string line) => Varying().Replace(Head().Match(line) is { Success: true } head ? head.Value : line, "").Replace('|', '/').Trim();

    [GeneratedRegex("RIP: [0-9a-f]+:([A-Za-z0-9_.]+)\\+0x")]
    private static partial Regex Place();

    [GeneratedRegex("Kernel panic[^:]*: [^:]*|WARNING|BUG: [^:,]*|Oops: [^:\\[]*|general protection fault")]
    private static partial Regex Head();

    [GeneratedRegex("(0x)?[0-9a-f]{4,}|[0-9]+")]
    private static partial Regex Varying();
}
