using System.CommandLine;
using Spectre.Console;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Program;

/// <summary><c>conformance explain ID</c>: what a clause asks for and what a check does.</summary>
internal sealed class ExplainCommand
{
    private const int Column = 10;
    private const int MostSuggestions = 20;

    private static readonly Style Bold = new(decoration: Decoration.Bold);

    private readonly CliHost host;
    private readonly Umbrellas umbrellas = Umbrellas.Load();
    private readonly SpecOption spec = new();

    private readonly Argument<string> id = new("ID") { Description = "The id of a check or of a clause, in any case." };

    public ExplainCommand(CliHost host)
    {
        this.host = host;
        Command = new("explain", "Explains a clause or a check: where the spec says it, what is done, how to read the answers.") { id };
        spec.AddTo(Command);
        Command.SetAction(parsed => Explain(parsed.GetRequiredValue(id), spec.Read(parsed)));
    }

    public Command Command { get; }

    private int Explain(string wanted, SpecVersion version)
    {
        var catalogue = host.Catalogue.At(version);
        if (host.Judged.FirstOrDefault(c => c.Id.Equals(wanted, StringComparison.OrdinalIgnoreCase)) is { } rule) Explain(rule, catalogue, version);
        else if (catalogue.TryGet(wanted, out var clause)) Explain(clause, version);
        else throw new UsageException(Suggest(wanted));
        return ExitCode.AsExpected;
    }

    private string Suggest(string wanted)
    {
        var ids = host.Catalogue.Clauses.Select(c => c.Id).Concat(host.Judged.Select(c => c.Id)).ToList();
        var glob = new Glob(wanted);
        var near = glob.IsExact ? NearIds.Of(wanted, ids) : ids.FindAll(glob.Matches);
        var shown = string.Join(", ", near.Take(MostSuggestions)) + (near.Count > MostSuggestions ? ", ..." : "");
        if (near.Count == 0) return $"no clause or check is called '{wanted}'; 'conformance clauses' and 'conformance list' show all ids";
        return glob.IsExact ? $"no clause or check is called '{wanted}'; near it: {shown}" : $"explain takes one id; '{wanted}' matches {shown}";
    }

    private void Explain(SpecRule rule, ClauseCatalogue catalogue, SpecVersion version)
    {
        host.Console.Line((rule.Id, Bold));
        Say("rule", rule.Title);
        Say("does", rule.Does);
        Say("reading", rule.Reading);
        if (rule is Check check) Say("device", check.Shape.ToString());
        Say("run it", $"conformance {(rule is Check ? "run" : "watch")} --only {rule.Id}");
        foreach (var clause in rule.Clauses)
        {
            if (!catalogue.TryGet(clause, out var row)) continue;
            host.Console.WriteLine();
            Describe(row, version);
        }
    }

    private void Explain(Clause clause, SpecVersion version)
    {
        Describe(clause, version);
        var checks = host.Judged.Where(c => c.Clauses.Contains(clause.Id)).ToList();
        if (umbrellas.PartsOf(clause.Id) is { Count: > 0 } parts) Say("judged by", $"the verdicts of {string.Join(", ", parts)}");
        else if (checks.Count == 0) Say("not tested", host.NotTested.ReasonFor(clause.Id));
        foreach (var check in checks)
        {
            host.Console.WriteLine();
            host.Console.Line((check.Id, Bold));
            Say("does", check.Does);
            Say("reading", check.Reading);
        }
    }

    private void Describe(Clause clause, SpecVersion version)
    {
        host.Console.Line((clause.Id, Bold));
        Say("level", clause.IsUnworded ? $"{clause.Keyword}, in this project's reading: the spec states it without a keyword" : clause.Keyword);
        Say("binds", $"the {clause.Role.ToString().ToLowerInvariant()}");
        Say("asks", clause.Paraphrase);
        Say("where", $"virtio {SpecVersions.Latest.Name()}, {ClauseCatalogue.TitleOf(clause.Family)}, \"{clause.Section}\" ({clause.Source} of the spec's sources)");
        if (clause.IsSecurityRelevant) Say("security", clause.SecurityReason);
        if (clause.Before.Length > 0) Say("since", $"virtio {clause.Since.Name()}. Before: {clause.Before}");
        if (clause.WhyNotIn(version) is { } why) Say("judged", $"not by virtio {version.Name()}: {why}");
        Say("seen by", clause.Hint);
    }

    private void Say(string label, string text) => host.Console.Labelled("  " + label, Column + 3, text, new Style(Color.Grey));
}
