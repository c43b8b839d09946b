using System.Globalization;
using Spectre.Console;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Program;

/// <summary>
/// Tells a run on the console, section by section, or its findings alone; <paramref name="progress"/> gets the line that shows what is
/// going on now. A traced run shows all evidence, of what passes too.
/// </summary>
internal sealed class ConsoleObserver(IAnsiConsole console, ClauseCatalogue catalogue, Action<string> progress, bool findingsOnly = false, bool isTraced = false) : IRunObserver
{
    private const int VerdictColumn = 8;
    private const int DetailColumn = VerdictColumn + 10;
    private const int EvidenceLines = 12;

    private static readonly Style Faint = new(Color.Grey);
    private static readonly Style Heading = new(decoration: Decoration.Bold);

    private string section = "";
    private int started;
    private int planned;

    /// <inheritdoc/>
    public void RunStarted(RunSnapshot run)
    {
        planned = run.Checks.Count(c => c.Verdict == Verdict.Missing);
        console.Line(($"virtio-iommu conformance {Tool.Version}: {run.Target} against virtio {run.Spec.Name()}", Heading));
        console.Labelled("checks", VerdictColumn + 2, planned == run.Checks.Count
            ? Number(planned) : $"{Number(planned)} of {Number(run.Checks.Count)}, the others left out");
        console.Labelled("seed", VerdictColumn + 2, run.Seed.ToString(CultureInfo.InvariantCulture));
        console.Labelled("offers", VerdictColumn + 2, string.Join(' ', run.FeatureNames));
    }

    /// <inheritdoc/>
    public void CheckStarted(Check check) => progress($"{Number(++started)}/{Number(planned)} {check.Id}");

    /// <inheritdoc/>
    public void CheckFinished(CheckResult result, RunSnapshot run)
    {
        if (findingsOnly && result.Verdict < Verdict.Warn) return;
        Enter(result.Check);
        var title = result.Verdict switch
        {
            Verdict.NotApplicable => $"{result.Check.Title}: {result.Expected}",
            Verdict.Pass when result.Actual.Length > 0 => $"{result.Check.Title} ({result.Actual})",
            _ => result.Check.Title,
        };
        var clause = result.Check.Clauses[0];
        console.Labelled(result.Verdict.Name(), VerdictColumn, $"{clause}  {title}", TextLines.StyleOf(result.Verdict),
            result.Verdict is Verdict.NotApplicable ? Faint : null);
        if (result.Verdict >= Verdict.Warn) Tell(result);
        else if (result.Verdict == Verdict.ExpectedFailure) Detail("known", result.Evidence[^1]);
        if (isTraced && result.Verdict < Verdict.Warn && result.Evidence.Count > 0) Detail("trace", string.Join('\n', result.Evidence), Faint);
    }

    /// <inheritdoc/>
    public void RunFinished(RunSnapshot run)
    {
    }

    private void Enter(SpecRule rule)
    {
        if (!catalogue.TryGet(rule.Clauses[0], out var clause)) return;
        var name = $"{ClauseCatalogue.TitleOf(clause.Family)}: {clause.Section}";
        if (name == section) return;
        section = name;
        console.WriteLine();
        console.Line((name, Heading));
    }

    private void Tell(CheckResult result)
    {
        Detail("check", result.Check.Id);
        foreach (var id in result.Check.Clauses)
        {
            if (catalogue.TryGet(id, out var clause)) Detail("clause", $"{clause.Id} {clause.KeywordShown}: {clause.Paraphrase} ({clause.Source})");
        }
        Detail("expected", result.Expected);
        Detail("actual", result.Actual);
        // What gave the device away comes last.
        int left = isTraced || result.Evidence.Count <= EvidenceLines ? 0 : result.Evidence.Count - EvidenceLines + 1;
        string[] shown = left == 0 ? [.. result.Evidence] : [$"... {Number(left)} lines before, in the reports", .. result.Evidence.Skip(left)];
        if (shown.Length > 0) Detail("evidence", string.Join('\n', shown), Faint);
    }

    private void Detail(string label, string text, Style? style = null) =>
        console.Labelled(new string(' ', VerdictColumn) + label, DetailColumn, text, Faint, style);

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
