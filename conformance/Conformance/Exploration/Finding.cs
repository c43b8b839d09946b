using Viommu.Conformance.Oracle;
using Viommu.Conformance.Scripts;

namespace Viommu.Conformance.Exploration;

/// <summary>What tells one finding from another: two that agree in this are one.</summary>
/// <param name="Clause">Id of the clause that is broken.</param>
/// <param name="Verb">The operation that showed it, as scripts spell it.</param>
/// <param name="How">By what: the answer, or what was wrong beside it.</param>
internal sealed record FindingKey(string Clause, string Verb, string How)
{
    private const string Death = "is the end of the target";

    /// <summary>The cause as a file name, and as the end of an id.</summary>
    public string Slug => string.Join('-', $"{Verb} {How}".ToLowerInvariant().Split([' ', '_', '/', ',', ':', '.'], StringSplitOptions.RemoveEmptyEntries));

    /// <summary>The key that an operation has if it is the end of the target.</summary>
    public static FindingKey OfDeath(string clause, ScriptOperation operation) => new(clause, VerbOf(operation), Death);

    /// <summary>The key that a finding has which shows only where a request is cut into pieces: whatever the request is, the ring is at fault.</summary>
    public static FindingKey OfFraming(RequestOperation operation, bool isPacked) => new(
        isPacked ? "PACKED-SG-D-01" : operation.Framing.Indirect > 0 ? "SPLIT-INDIRECT-D-02" : "SPLIT-FRAMING-D-01", "request", "in pieces is not understood");

    /// <summary>The key of a step; null where nothing is wrong with it.</summary>
    public static FindingKey? Of(ScriptStep step)
    {
        if (!step.IsFinding) return null;
        var how = step.End switch
        {
            StepEnd.Crash => Death,
            StepEnd.Hang => "hangs the target",
            StepEnd.Violation => "breaks the ring",
            _ => step.Judgement.Kind switch
            {
                JudgementKind.Answer => $"answered {step.Judgement.Answer.Describe()}",
                JudgementKind.Bytes => "leaves wrong bytes",
                JudgementKind.Leak => "reaches what it must not",
                JudgementKind.Loss => "does not arrive",
                JudgementKind.Report => "is reported wrongly",
                JudgementKind.Leftover => "leaves a domain",
                _ => "reads back wrong",
            },
        };
        return new FindingKey(step.Broken, VerbOf(step.Operation), how);
    }

    private static string VerbOf(ScriptOperation operation) => ScriptPrinter.Print(operation).Split(' ')[0];
}

/// <summary>Something that random operations found, made as small as it gets.</summary>
/// <param name="Key">What it is.</param>
/// <param name="Script">The operations that show it, with what was seen.</param>
/// <param name="Step">The step that shows it.</param>
/// <param name="Reproduced">True where the script showed it again.</param>
internal sealed record Finding(FindingKey Key, Script Script, ScriptStep Step, bool Reproduced)
{
    /// <summary>What passed between driver and device when the script ran.</summary>
    public IReadOnlyList<string> Journal { get; init; } = [];

    /// <summary>Operations that had been done in the run when it was found.</summary>
    public long After { get; init; }

    /// <summary>The name of its file.</summary>
    public string FileName => $"{Key.Clause}-{Key.Slug}{Script.Extension}".ToLowerInvariant();
}
