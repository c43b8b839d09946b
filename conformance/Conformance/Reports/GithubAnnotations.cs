using Viommu.Conformance.Running;

namespace Viommu.Conformance.Reports;

/// <summary>Findings as workflow commands of GitHub Actions, which shows them on the page of the job.</summary>
internal static class GithubAnnotations
{
    /// <summary>A line for each finding: an error for what turns the run red, a warning for the rest.</summary>
    public static IEnumerable<string> Of(RunSnapshot run)
    {
        foreach (var result in run.Checks.Where(c => c.Verdict >= Verdict.Warn))
        {
            var kind = run.IsFinding(result) || result.Verdict.IsHarnessFault() ? "error" : "warning";
            yield return Annotation(kind, $"{result.Verdict.Name()} {result.Check.Clauses[0]}",
                $"{run.Target}: {result.Check.Title}. Expected: {result.Expected}. Actual: {result.Actual} ({result.Check.Id})");
        }
        foreach (var complaint in run.Complaints) yield return Annotation("error", "stale expectation", complaint);
        var missing = run.Checks.Count(c => c.Verdict == Verdict.Missing);
        if (missing > 0) yield return Annotation("error", "MISSING", FormattableString.Invariant($"{run.Target}: {missing} checks have no result"));
    }

    /// <summary>One line; <paramref name="kind"/> is <c>error</c>, <c>warning</c> or <c>notice</c>.</summary>
    public static string Annotation(string kind, string title, string text) => $"::{kind} title={Property(title)}::{Data(text)}";

    // The runner cuts a command at a line end, and a property at a colon or a comma; a device's words must do neither.
    private static string Data(string text) =>
        PlainText.Shown(text).Replace("%", "%25", StringComparison.Ordinal).Replace("\r", "%0D", StringComparison.Ordinal).Replace("\n", "%0A", StringComparison.Ordinal);

    private static string Property(string text) => Data(text).Replace(":", "%3A", StringComparison.Ordinal).Replace(",", "%2C", StringComparison.Ordinal);
}
