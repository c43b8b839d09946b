using Viommu.Fuzz.Engine.Campaigns;

namespace Viommu.Fuzz.Reports;

/// <summary>What a campaign came to, or has come to so far.</summary>
/// <param name="Target">The fuzz target.</param>
/// <param name="Device">The device, as <c>--device</c> takes it.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Found">The findings, one of each key, in the order in which they came.</param>
internal sealed record CampaignOutcome(string Target, string Device, ulong Seed, IReadOnlyCollection<ReportedFinding> Found)
{
    /// <summary>Where the campaign stands and how long it has run; null where there is none yet.</summary>
    public (CampaignSnapshot Snapshot, TimeSpan Elapsed)? Figures { get; init; }

    /// <summary>What is red in the file of known findings.</summary>
    public IReadOnlyList<string> Complaints { get; init; } = [];

    /// <summary>Known findings that did not come up.</summary>
    public IReadOnlyList<string> Unseen { get; init; } = [];

    /// <summary>True where those are red.</summary>
    public bool IsStrict { get; init; }

    /// <summary>Findings that nobody expected.</summary>
    public IEnumerable<ReportedFinding> New => Found.Where(found => found.Known is null);

    /// <summary>Findings that somebody has foretold.</summary>
    public IEnumerable<ReportedFinding> Known => Found.Where(found => found.Known is not null);

    /// <summary>Whatever is red beside findings, a line each.</summary>
    public IReadOnlyList<string> Stale => IsStrict ? [.. Complaints, .. Unseen] : Complaints;

    /// <summary>True where the campaign is to fail a CI job.</summary>
    public bool IsRed => New.Any() || Stale.Count > 0;
}
