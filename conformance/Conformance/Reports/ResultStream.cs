using System.Text.Encodings.Web;
using System.Text.Json;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Reports;

/// <summary>
/// A run as newline-delimited JSON, one object an event, written out as it happens: <c>start</c>, <c>check</c> for each result, <c>end</c>.
/// </summary>
internal sealed class ResultStream : IRunObserver, IDisposable
{
    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // no HTML around it
    };

    private readonly TextWriter writer;
    private readonly string name;

    /// <summary>Writes to <paramref name="writer"/>, which complaints call <paramref name="name"/>.</summary>
    public ResultStream(TextWriter writer, string name) => (this.writer, this.name) = (writer, name);

    /// <summary>Writes to a file, or to what is open at that path; throws <see cref="ReportException"/>.</summary>
    public static ResultStream ToFile(string path)
    {
        StreamWriter? opened = null;
        ReportFolder.Attempt(path, () => opened = new StreamWriter(path));
        return new(opened!, path);
    }

    /// <inheritdoc/>
    public void RunStarted(RunSnapshot run) => Write(new
    {
        Event = "start",
        Schema = 1,
        Tool = new { Tool.Version },
        Spec = run.Spec.Name(),
        Target = new { run.Target.Name, run.Target.Version, run.Target.Configuration, Features = run.FeatureNames },
        run.Seed,
        Checks = run.Checks.Count(c => c.Verdict == Verdict.Missing),
    });

    /// <inheritdoc/>
    public void CheckStarted(Check check)
    {
    }

    /// <inheritdoc/>
    public void CheckFinished(CheckResult result, RunSnapshot run) => Write(new
    {
        Event = "check",
        result.Check.Id,
        result.Check.Clauses,
        Level = result.Check.Level.ToString().ToUpperInvariant(),
        Verdict = result.Verdict.Name(),
        Observed = result.Observed.Name(),
        result.Expected,
        result.Actual,
        result.Evidence,
        result.Milliseconds,
    });

    /// <inheritdoc/>
    public void RunFinished(RunSnapshot run) => Write(new
    {
        Event = "end",
        Summary = run.Counts.ToDictionary(c => c.Verdict.Name(), c => c.Count),
        run.Complaints,
        Exit = run.ExitCode,
    });

    public void Dispose() => writer.Dispose();

    private void Write(object happened) => ReportFolder.Attempt(name, () =>
    {
        writer.Write(JsonSerializer.Serialize(happened, Format) + "\n");
        writer.Flush();
    });
}
