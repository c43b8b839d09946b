using System.Text.RegularExpressions;
using Viommu.Conformance.Running;
using Viommu.Conformance.Watching.Guests;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Guest.Hosting;

namespace Viommu.Fuzz.Guests;

/// <summary>What a guest shows of its driver's bugs, whatever its device has told it.</summary>
internal static partial class GuestHarm
{
    /// <summary>A kernel comes to no harm by what a device says.</summary>
    public const string IsUnharmed = "guest-is-unharmed";

    /// <summary>A kernel does not wait for ever with nothing outstanding.</summary>
    public const string Ends = "guest-ends";

    // More than any report has; some end without saying so.
    private const int LongestReport = 120;
    private const int LinesShown = 12;

    // A warning or a bug begins with the one, and reports with registers end with the other.
    private const string Begin = "[ cut here ]";
    private const string End = "---[ end trace";
    private const string Panic = "Kernel panic";

    // With oops=panic each of these is followed by a panic, which says nothing more.
    private static readonly string[] _fatal = ["Oops", "BUG", "general protection fault"];

    /// <summary>What is wrong with a guest, told apart by what it was and where; empty where nothing is. That it does not end comes last.</summary>
    public static IReadOnlyList<Finding> Of(GuestCourse course, IEnumerable<CheckResult> rules)
    {
        var reports = Reports(course.Console).ToList();
        List<Finding> found =
        [
            .. reports.Where((report, i) => !IsPanic(report[0]) || !reports.Take(i).Any(IsFatal)).Select(OfReport),
            .. rules.Where(result => result.Verdict is Verdict.Fail or Verdict.Warn)
                .Select(result => new Finding(new(result.Check.Clauses[0], "", result.Check.Id, ""), $"{result.Expected}; {result.Actual}", string.Join('\n', result.Evidence))),
        ];
        if (course.Ended == false && reports.Count == 0)
            found.Add(new(new(Ends, "", "", ""), "the guest did not end in its time, twice", string.Join('\n', course.Console.TakeLast(LinesShown))));
        return [.. found.DistinctBy(finding => finding.Key)];
    }

    // From the first line that tells of harm to the end of what is said of it: an Oops in a report is what its BUG did.
    private static IEnumerable<List<string>> Reports(IReadOnlyList<string> console)
    {
        for (int at = 0; at < console.Count;)
        {
            if (!LinuxGuest.IsHarm(console[at]))
            {
                at++;
                continue;
            }

            List<string> report = [console[at++]];
            while (at < console.Count && report.Count < LongestReport && !Is(report[^1], End) && !Is(console[at], Begin) && !IsPanic(console[at])) report.Add(console[at++]);
            yield return report;
        }
    }

    private static Finding OfReport(List<string> report) => new(new(IsUnharmed, Kind(report[0]), Where(report), ""), report[0], string.Join('\n', report.Take(LinesShown)));

    private static bool IsPanic(string line) => Is(line, Panic);

    private static bool IsFatal(List<string> report) => report.Any(line => LinuxGuest.IsHarm(line) && _fatal.Any(word => Is(line, word)));

    private static bool Is(string line, string word) => line.Contains(word, StringComparison.Ordinal);

    // KASAN says in its first line where; the registers behind it may be those of whoever was interrupted.
    private static string Where(List<string> report)
    {
        var match = Named().Match(report[0]);
        if (!match.Success) match = report.Select(line => Registers().Match(line)).FirstOrDefault(match => match.Success, match);
        if (!match.Success) match = report.Select(line => Named().Match(line)).FirstOrDefault(match => match.Success, match);
        return match.Groups[1].Value;
    }

    // Without addresses, processes and line numbers, which differ from boot to boot.
    private static string Kind(string line) =>
        Varying().Replace(Head().Match(line) is { Success: true } head ? head.Value.Split(" in ")[0] : line, "").Replace('|', '/').Trim();

    // Behind a point are the names that a compiler gives to parts of a function: .isra.0, .cold, .constprop.0.
    [GeneratedRegex("RIP: [0-9a-f]+:([A-Za-z0-9_]+)[A-Za-z0-9_.]*\\+0x")]
    private static partial Regex Registers();

    [GeneratedRegex("\\b(?:in|at):? ([A-Za-z0-9_]+)[A-Za-z0-9_.]*\\+0x")]
    private static partial Regex Named();

    [GeneratedRegex("Kernel panic[^:]*: [^:]*|WARNING|BUG: (?:K[A-Z]+SAN: )?[^:,]*|Oops: [^:\\[]*|general protection fault")]
    private static partial Regex Head();

    [GeneratedRegex("(0x)?[0-9a-f]{4,}|[0-9]+")]
    private static partial Regex Varying();
}
