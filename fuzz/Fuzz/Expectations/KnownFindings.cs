using System.Globalization;
using Viommu.Conformance.Catalogue;
using Viommu.Fuzz.Engine.Findings;

namespace Viommu.Fuzz.Expectations;

/// <summary>What is known of a device before a campaign on it begins, on the day of the campaign.</summary>
/// <param name="entries">All entries of the file.</param>
/// <param name="today">The day.</param>
/// <param name="target">The fuzz target.</param>
/// <param name="device">The device, by the name that entries are held against.</param>
internal sealed class KnownFindings(IReadOnlyList<KnownFinding> entries, DateOnly today, string target, string device)
{
    /// <summary>Nothing is known.</summary>
    public static KnownFindings None { get; } = new([], DateOnly.MinValue, "", "");

    // What an entry says that has expired is no longer known; that it has expired is told all the same.
    private IEnumerable<KnownFinding> About => entries.Where(entry => entry.IsAbout(target, device));

    private bool HasExpired(KnownFinding entry) => entry.Expires < today;

    /// <summary>The entry that speaks of a finding; null where none does.</summary>
    public KnownFinding? Find(FindingKey key) => About.FirstOrDefault(entry => !HasExpired(entry) && entry.Key.Matches(key.ToString()));

    /// <summary>Entries that are red by themselves, a line each: their day is over.</summary>
    public IReadOnlyList<string> Complaints =>
        [.. About.Where(HasExpired).Select(entry => string.Create(CultureInfo.InvariantCulture, $"{entry.Where}: '{entry.Key}' expired on {entry.Expires:yyyy-MM-dd}"))];

    /// <summary>Entries that none of these findings has shown to hold, a line each: a campaign that was short may not have come to them.</summary>
    public IReadOnlyList<string> Unseen(IReadOnlyCollection<FindingKey> found) =>
        [.. About.Where(entry => !HasExpired(entry) && !found.Any(key => entry.Key.Matches(key.ToString()))).Select(entry => $"{entry.Where}: '{entry.Key}' did not come up: {entry.Reason} ({entry.Url})")];

    /// <summary>
    /// The entries with one for each finding that none speaks of. None goes: that a finding did not come up says nothing, and the day on which
    /// one has expired was somebody's decision.
    /// </summary>
    public IReadOnlyList<KnownFinding> With(IEnumerable<Finding> found) =>
    [
        .. entries,
        .. found.Where(finding => !About.Any(entry => entry.Key.Matches(finding.Key.ToString())))
            .Select(finding => new KnownFinding(new Glob(finding.Key.ToString()), $"not explained yet; seen: {finding.Message.ReplaceLineEndings(" ")}", "none yet")
            {
                Target = new(target),
                Device = new(device),
                Where = "recorded",
            }),
    ];
}
