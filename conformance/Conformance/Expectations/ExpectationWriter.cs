using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Expectations;

/// <summary>
/// Writes the expectations file that a run calls for. Entries that still hold, or that this run cannot judge (other targets, checks
/// without a result, entries that have expired: their date was somebody's decision), stay as they are; the others go, and every
/// failure that no entry speaks of gets one of its own words, for versions that differ in corrections alone, with a reason and a url for
/// somebody to complete.
/// </summary>
internal static partial class ExpectationWriter
{
    private const int LongestReason = 200;

    private const string Comment = """
        # Known deviations, by check id. Each entry turns its failure into XFAIL, and is red itself once the check passes.
        # Keys: check (glob), verdict (FAIL WARN CRASH TIMEOUT N/A), reason, url; optional: target (glob),
        # version (">=7.2 <8" or a glob), configuration (glob, or ! and a glob), feature (offered; !NAME for not offered), expires (yyyy-mm-dd, the last day), actual (text the failure has to contain).

        """;

    /// <summary>The text of the file, given the entries before and the run.</summary>
    public static string Update(ExpectationSet before, RunSnapshot run)
    {
        var entries = before.Entries.SelectMany(e => StillThere(e, before, run)).ToList();
        foreach (var result in run.Checks.Where(r => r.Observed is Verdict.Fail or Verdict.Warn or Verdict.Crash or Verdict.Timeout))
        {
            bool covered = entries.Exists(e => e.Check.Matches(result.Check.Id) && e.IsAbout(run.Target, run.OfferedFeatures)
                && (before.HasExpired(e) || e.Foretells(result.Observed, result.Actual)));
            if (!covered) entries.Add(Record(result, run.Target));
        }
        var text = new StringBuilder(Comment);
        if (entries.Count == 0) text.Append("[]\n");
        foreach (var entry in entries) Append(text, entry);
        return text.ToString();
    }

    private static IEnumerable<Expectation> StillThere(Expectation entry, ExpectationSet before, RunSnapshot run)
    {
        var matched = run.Checks.Where(r => entry.Check.Matches(r.Check.Id)).ToList();
        if (matched.Count == 0) return [];
        if (!entry.IsAbout(run.Target, run.OfferedFeatures) || before.HasExpired(entry)) return [entry];

        bool Stays(CheckResult r) => entry.Foretells(r.Observed, r.Actual) || r.Observed is Verdict.Skip or Verdict.Missing or Verdict.Error;
        var staying = matched.Where(Stays).ToList();
        // A glob that has come to cover a check that no longer fails so is narrowed to the checks that do.
        return staying.Count == matched.Count ? [entry] : staying.Select(r => entry with { Check = new(r.Check.Id) });
    }

    private static Expectation Record(CheckResult result, TargetIdentity target)
    {
        var seen = result.Actual.ReplaceLineEndings(" ").Trim();
        if (seen.Length > LongestReason) seen = seen[..LongestReason] + "...";
        return new(new Glob(result.Check.Id), result.Observed, $"not explained yet; seen: {(seen.Length == 0 ? result.Observed.Name() : seen)}", "none yet")
        {
            Target = new(target.Name),
            Version = SeriesOf(target.Version),
            Configuration = target.Configuration.Trim().Length == 0 ? null : new(target.Configuration.Trim().Replace('!', '?')),
            Actual = TellingPartOf(result),
            Where = "recorded",
        };
    }

    /// <summary>The versions that differ from this one by corrections alone; where it has no such numbers, it alone.</summary>
    private static VersionCondition? SeriesOf(string version) =>
        version.Length == 0 ? null : new(Series().Match(version) is { Success: true } series ? $"{series.Value}*" : version.Replace('<', '?').Replace('>', '?').Replace('=', '?'));

    /// <summary>What another failure of the same check would not say. How a target ends, it says in other words each time.</summary>
    private static string? TellingPartOf(CheckResult result)
    {
        if (result.Observed is Verdict.Crash or Verdict.Timeout) return null;
        var first = result.Actual.Trim().ReplaceLineEndings("\n").Split('\n')[0];
        if (first.Length > LongestReason) first = first[..(char.IsHighSurrogate(first[LongestReason - 1]) ? LongestReason - 1 : LongestReason)];
        var part = first.Trim();
        return part.Length == 0 ? null : part;
    }

    [GeneratedRegex(@"^\d+\.\d+\.")]
    private static partial Regex Series();

    private static void Append(StringBuilder text, Expectation entry)
    {
        text.Append(CultureInfo.InvariantCulture, $"- check: {EntryFile.Quoted(entry.Check.Pattern)}\n  verdict: {entry.Verdict.Name()}\n");
        if (entry.Target is not null) text.Append(CultureInfo.InvariantCulture, $"  target: {EntryFile.Quoted(entry.Target.Pattern)}\n");
        if (entry.Version is not null) text.Append(CultureInfo.InvariantCulture, $"  version: {EntryFile.Quoted(entry.Version.ToString())}\n");
        if (entry.Configuration is not null) text.Append(CultureInfo.InvariantCulture, $"  configuration: {EntryFile.Quoted(entry.Configuration.ToString())}\n");
        if (entry.Feature is not null) text.Append(CultureInfo.InvariantCulture, $"  feature: {EntryFile.Quoted(entry.Feature.ToString())}\n");
        text.Append(CultureInfo.InvariantCulture, $"  reason: {EntryFile.Quoted(entry.Reason)}\n  url: {EntryFile.Quoted(entry.Url)}\n");
        if (entry.Expires is { } date) text.Append(CultureInfo.InvariantCulture, $"  expires: {date:yyyy-MM-dd}\n");
        if (entry.Actual is not null) text.Append(CultureInfo.InvariantCulture, $"  actual: {EntryFile.Quoted(entry.Actual)}\n");
    }
}
