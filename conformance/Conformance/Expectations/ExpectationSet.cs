using System.Globalization;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Expectations;

/// <summary>The entries of an expectations file, on the day of the run.</summary>
internal sealed class ExpectationSet(IReadOnlyList<Expectation> entries, DateOnly today)
{
    /// <summary>Nothing is expected to fail.</summary>
    public static ExpectationSet None { get; } = new([], DateOnly.MinValue);

    public IReadOnlyList<Expectation> Entries => entries;

    public bool HasExpired(Expectation entry) => entry.Expires < today;

    /// <summary>
    /// Entries that are red by themselves. One whose condition leaves this target out is nevertheless held against the ids: a
    /// misspelt id is misspelt on every target. Where ids are those of what was found (<paramref name="found"/> is the target that was searched, with what it offers),
    /// only entries about it can be held against them.
    /// </summary>
    public IReadOnlyList<string> Complaints(IReadOnlyCollection<string> checkIds, (TargetIdentity Target, ulong Offered)? found = null)
    {
        var complaints = new List<string>();
        foreach (var entry in entries)
        {
            if (found is { } searched && !entry.IsAbout(searched.Target, searched.Offered)) continue;
            if (!checkIds.Any(entry.Check.Matches)) complaints.Add($"{entry.Where}: '{entry.Check}' matches no check");
            else if (HasExpired(entry))
                complaints.Add(string.Create(CultureInfo.InvariantCulture, $"{entry.Where}: '{entry.Check}' expired on {entry.Expires:yyyy-MM-dd}"));
        }
        return complaints;
    }

    /// <summary>The entries that speak today of a check on a target that offers such features.</summary>
    public IEnumerable<Expectation> About(string checkId, TargetIdentity target, ulong offered) =>
        entries.Where(e => !HasExpired(e) && e.IsAbout(target, offered) && e.Check.Matches(checkId));

    /// <summary>
    /// What is said of a check in the light of the entries: an outcome that one of them foretells is XFAIL (N/A stays N/A), a PASS
    /// that any of them denies is XPASS, and everything else stays what it was.
    /// </summary>
    public CheckResult Apply(SpecRule check, CheckOutcome outcome, TargetIdentity target, ulong offered)
    {
        return Apply(
            new CheckResult(check, outcome.Verdict, outcome.Expected, outcome.Actual, outcome.Evidence, outcome.Milliseconds)
            { Observed = outcome.Verdict, ChargedTo = outcome.ChargedTo },
            target, offered);
    }

    /// <summary>The same of a result that no entry has been held against yet.</summary>
    public CheckResult Apply(CheckResult result, TargetIdentity target, ulong offered)
    {
        var about = About(result.Check.Id, target, offered).ToList();
        if (about.Find(e => e.Foretells(result.Verdict, result.Actual)) is { } held)
        {
            return result.Verdict == Verdict.NotApplicable ? result : result with
            {
                Verdict = Verdict.ExpectedFailure,
                Evidence = [.. result.Evidence, $"expected {held.Verdict.Name()} ({held.Where}): {held.Reason} ({held.Url})"],
            };
        }
        if (result.Verdict == Verdict.Pass && about is [var denied, ..])
        {
            return result with
            {
                Verdict = Verdict.UnexpectedPass,
                Expected = $"{denied.Verdict.Name()}, as {denied.Where} says: {denied.Reason}",
                Actual = "PASS: if it is fixed, remove the entry",
            };
        }
        return result;
    }
}
