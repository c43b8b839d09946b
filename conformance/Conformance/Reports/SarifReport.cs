using System.Text.Encodings.Web;
using System.Text.Json;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Reports;

/// <summary>
/// <c>results.sarif</c> (SARIF 2.1.0), for code scanning: every broken check is a result of the rule that it is. Its place is the sentence of
/// the spec that was broken: the device's own sources are not known here.
/// </summary>
internal sealed class SarifReport(ClauseCatalogue catalogue) : IReport
{
    private const string Specification = "VIRTIO-SPEC";

    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public string FileName => "results.sarif";

    public TimeSpan Interval => TimeSpan.FromSeconds(1);

    public string Render(RunSnapshot run)
    {
        var broken = run.Checks.Where(c => IsResult(c.Verdict)).ToList();
        var log = new Dictionary<string, object>
        {
            ["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json",
            ["version"] = "2.1.0",
            ["runs"] = new[]
            {
                new
                {
                    tool = new
                    {
                        driver = new
                        {
                            name = "virtio-iommu conformance",
                            version = Tool.Version,
                            rules = broken.Select(c => new
                            {
                                id = c.Check.Id,
                                shortDescription = new { text = c.Check.Title },
                                fullDescription = new { text = $"{c.Check.Does} {c.Check.Reading}" },
                                properties = new { tags = Tags(c) },
                            }),
                        },
                    },
                    originalUriBaseIds = new Dictionary<string, object>
                    {
                        [Specification] = new { description = new { text = $"The sources of the virtio specification, v{SpecVersions.Latest.Name()}-cs01." } },
                    },
                    properties = new { target = run.Target.ToString(), spec = run.Spec.Name(), seed = run.Seed },
                    results = broken.Select((c, i) => new
                    {
                        ruleId = c.Check.Id,
                        ruleIndex = i,
                        level = c.Verdict is Verdict.Warn or Verdict.Flake ? "warning" : "error",
                        kind = "fail",
                        message = new { text = PlainText.Shown($"{run.Target}: {c.Verdict.Name()}. Expected: {c.Expected}. Actual: {c.Actual}") },
                        locations = Locations(c),
                        partialFingerprints = new Dictionary<string, string> { ["check/v1"] = $"{run.Target.Name}:{c.Check.Id}" },
                    }),
                },
            },
        };
        return JsonSerializer.Serialize(log, Format) + "\n";
    }

    private static bool IsResult(Verdict verdict) => verdict is Verdict.Warn or Verdict.Flake or Verdict.Fail or Verdict.Timeout or Verdict.Crash;

    private List<string> Tags(CheckResult result)
    {
        List<string> tags = [.. result.Check.Clauses];
        if (result.Check.Clauses.Any(id => catalogue.TryGet(id, out var clause) && clause.IsSecurityRelevant)) tags.Add("security");
        return tags;
    }

    private List<object> Locations(CheckResult result) =>
        catalogue.TryGet(result.ChargedTo ?? result.Check.Clauses[0], out var clause)
            ? [new
            {
                physicalLocation = new
                {
                    artifactLocation = new { uri = clause.SourceFile, uriBaseId = Specification },
                    region = new { startLine = clause.SourceLine },
                },
                logicalLocations = new[] { new { name = clause.Id, fullyQualifiedName = $"{clause.Section}/{clause.Id}" } },
            }]
            : [];
}
