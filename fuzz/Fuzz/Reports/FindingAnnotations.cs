using Viommu.Conformance.Reports;

namespace Viommu.Fuzz.Reports;

/// <summary>New findings as workflow commands of GitHub Actions, which shows them on the page of the job.</summary>
internal static class FindingAnnotations
{
    /// <summary>A line for each thing that turns the campaign red.</summary>
    public static IEnumerable<string> Of(CampaignOutcome outcome) =>
    [
        .. outcome.New.Select(found => GithubAnnotations.Annotation("error", $"fuzz {outcome.Target}: {found.Finding.Key.Rule}", Describe(outcome, found))),
        .. outcome.Stale.Select(line => GithubAnnotations.Annotation("error", "stale known finding", line)),
    ];

    private static string Describe(CampaignOutcome outcome, ReportedFinding found)
    {
        string summary = found.Story?.Summarize() ?? "";
        string again = found.File is null ? "" : $" Again: {FindingRecord.ReplayCommand(outcome.Target, outcome.Device, found.File)}";
        return $"{outcome.Device}: {found.Finding.Message}.{(summary.Length > 0 ? " " + summary : "")}{again}";
    }
}
