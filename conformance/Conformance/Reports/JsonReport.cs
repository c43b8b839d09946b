using System.Text.Encodings.Web;
using System.Text.Json;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Reports;

/// <summary><c>results.json</c>, for programs. <c>schema</c> goes up when a reader of the last one would break.</summary>
internal sealed class JsonReport : IReport
{
    private const int Schema = 1;

    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // no HTML around it
    };

    public string FileName => "results.json";

    public TimeSpan Interval => TimeSpan.FromMilliseconds(200);

    public string Render(RunSnapshot run) => JsonSerializer.Serialize(
        new
        {
            Schema,
            Tool = new { Tool.Version },
            Spec = run.Spec.Name(),
            Target = new { run.Target.Name, run.Target.Version, run.Target.Configuration, Features = run.FeatureNames },
            run.Seed,
            run.Strict,
            run.StrictOnSecurity,
            run.Over,
            Checks = run.Checks.Select(c => new
            {
                c.Check.Id,
                c.Check.Clauses,
                Level = Word(c.Check.Level),
                Verdict = c.Verdict.Name(),
                Observed = c.Observed.Name(),
                c.ChargedTo,
                c.Expected,
                c.Actual,
                c.Evidence,
                c.Milliseconds,
            }),
            Clauses = run.Clauses.Select(c => new
            {
                c.Clause.Id,
                Role = c.Clause.Role.ToString().ToLowerInvariant(),
                Level = Word(c.Clause.Level),
                Verdict = c.Verdict.Name(),
                c.Checks,
                c.Reason,
            }),
            run.Complaints,
            Summary = run.Counts.ToDictionary(c => c.Verdict.Name(), c => c.Count),
        },
        Format) + "\n";

    private static string Word(Level level) => level.ToString().ToUpperInvariant();
}
