using System.Globalization;
using Viommu.Conformance.Catalogue;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Reports;

/// <summary>A finding as people need it: what the spec says, the step that broke it, what would have been right, what came, and the input in words.</summary>
internal sealed record FindingStory
{
    private const int Column = 9;

    // Where "=>" stands in a program, as in scripts.
    private const int SeenColumn = 72;

    private static readonly Lazy<ClauseCatalogue> _catalogue = new(ClauseCatalogue.Load);

    /// <summary>The keyword of the clause; empty where what is broken is no clause but a rule of the fuzzer.</summary>
    public string Level { get; init; } = "";

    /// <summary>What the clause asks for.</summary>
    public string Sentence { get; init; } = "";

    /// <summary>Where the spec says so.</summary>
    public string Place { get; init; } = "";

    /// <summary>The step that broke it, from 1; null where it was none, or nobody knows.</summary>
    public int? Step { get; init; }

    /// <summary>The step in words, or what was done beside the steps.</summary>
    public string What { get; init; } = "";

    /// <summary>What would have been right; empty where nobody could say.</summary>
    public string Allowed { get; init; } = "";

    /// <summary>What came.</summary>
    public string Seen { get; init; } = "";

    /// <summary>The input, a line for each step, with what came of it.</summary>
    public IReadOnlyList<string> Program { get; init; } = [];

    /// <summary>What there is to say of a finding; where its input was not run for that, what the input is, and what the clause says.</summary>
    public static FindingStory Of(TargetInfo target, byte[] input, FindingKey key, Story? story)
    {
        var steps = StepsOf(target, input);
        var last = story is { Steps.Count: > 0 } ? story.Steps[^1] : null;
        var told = new FindingStory
        {
            Step = last?.Index + 1,
            What = last is null ? "" : last.What.Length == 0 && last.Index is { } index ? steps[index] : last.What,
            Allowed = last?.Allowed ?? "",
            Seen = last?.Seen ?? "",
            Program = [.. Lines(target, input, steps, story)],
        };
        return _catalogue.Value.TryGet(key.Rule, out var clause)
            ? told with { Level = clause.KeywordShown, Sentence = clause.Paraphrase, Place = PlaceOf(clause) }
            : told;
    }

    /// <summary>All of it, in lines; <paramref name="rule"/> is that of the finding's key.</summary>
    public IEnumerable<string> Tell(string rule)
    {
        if (Sentence.Length > 0) yield return Labelled("clause", $"{rule} ({Level}): {Sentence}");
        if (Place.Length > 0) yield return Labelled("where", Place);
        if (What.Length > 0) yield return Labelled("step", DescribeStep());
        if (Allowed.Length > 0) yield return Labelled("allowed", Allowed);
        if (Seen.Length > 0) yield return Labelled("seen", Seen);
        if (Program.Count > 0) yield return "program";
        foreach (var line in Program) yield return "  " + line;
    }

    /// <summary>What is broken and how it was seen, in sentences.</summary>
    public string Summarize()
    {
        var sentences = new List<string>();
        if (Sentence.Length > 0) sentences.Add($"{Level}: {Sentence.TrimEnd('.')} ({Place}).");
        if (What.Length > 0) sentences.Add($"Step {DescribeStep()}.");
        if (Allowed.Length > 0) sentences.Add($"Allowed: {Allowed}.");
        if (Seen.Length > 0) sentences.Add($"Seen: {Seen}.");
        return string.Join(' ', sentences);
    }

    /// <summary>The steps of an input, one of them a line.</summary>
    public static IReadOnlyList<string> StepsOf(TargetInfo target, byte[] input) =>
        target.Format is SequenceFormat ? SequenceFormat.Describe(input) : InputDescription.StepsOf(target.Shape, input);

    private static string PlaceOf(Clause clause) =>
        $"virtio {SpecVersions.Latest.Name()}, {ClauseCatalogue.TitleOf(clause.Family)}, \"{clause.Section}\" ({clause.Source} of the spec's sources)";

    private static string Labelled(string label, string text) => label.PadRight(Column) + text;

    private string DescribeStep() => Step is { } step ? string.Create(CultureInfo.InvariantCulture, $"{step}: {What}") : What;

    private static IEnumerable<string> Lines(TargetInfo target, byte[] input, IReadOnlyList<string> steps, Story? story)
    {
        string? header = target.Format is SequenceFormat ? SequenceFormat.DescribeHeader(input) : InputDescription.HeaderOf(target.Shape, input);
        if (header is not null) yield return header;
        var told = (story?.Steps ?? []).ToLookup(step => step.Index);
        int? broken = story is { Steps.Count: > 0 } ? story.Steps[^1].Index : null;
        for (int i = 0; i < steps.Count; i++)
        {
            string mark = i == broken ? ">" : " ";
            yield return WithAnswer(string.Create(CultureInfo.InvariantCulture, $"{mark}{i + 1,3} {steps[i]}"), told[i].LastOrDefault(step => step.What.Length == 0)?.Seen ?? "");
            foreach (var beside in told[i].Where(step => step.What.Length > 0)) yield return WithAnswer($"     {beside.What}", beside.Seen);
        }

        // What the target did by itself is of interest where that was what broke something.
        if (story is { Steps: [.., { Index: null } last] }) yield return WithAnswer($">    {last.What}", last.Seen);
        if (target.Shape.IsBytes)
        {
            foreach (var line in InputDescription.BytesOf(target.Shape, input)) yield return line;
        }
    }

    private static string WithAnswer(string line, string seen) => seen.Length == 0 ? line : $"{line.PadRight(SeenColumn)} => {seen}";
}
