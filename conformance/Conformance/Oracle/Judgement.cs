using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Oracle;

/// <summary>What the oracle makes of what it is shown.</summary>
public enum JudgementKind : byte
{
    /// <summary>The text allows it, or is silent.</summary>
    Allowed,

    /// <summary>The oracle does not know the device's state any more, since the text is silent about something that happened; a reset ends that.</summary>
    Unjudged,

    /// <summary>The request was answered as it must or should not be.</summary>
    Answer,

    /// <summary>The answer is right, but the bytes around it are not.</summary>
    Bytes,

    /// <summary>An access reached what it must or should not reach.</summary>
    Leak,

    /// <summary>An access did not reach what it has to reach.</summary>
    Loss,

    /// <summary>A fault report says what it should not.</summary>
    Report,

    /// <summary>A configuration field holds what it must or should not.</summary>
    Field,

    /// <summary>A reset left what it has to end.</summary>
    Leftover,
}

/// <summary>What the oracle makes of one thing that happened. Kind, clause and answer together are what tells one finding from another.</summary>
/// <param name="Kind">Whether it is allowed, and if not, what is wrong.</param>
/// <param name="Clause">The clause that is broken, or that allows it; <see cref="OracleClause.Silence"/> where the text leaves it open.</param>
/// <param name="Answer">What the request was answered, where there was one.</param>
public readonly record struct Judgement(JudgementKind Kind, OracleClause Clause, Answers Answer = Answers.None)
{
    /// <summary>True where a clause is broken.</summary>
    public bool IsDeviation => Kind > JudgementKind.Unjudged;

    /// <summary>How strongly the clause is worded. Breaking a MAY is a slip of a choice that the device was free to make, and weighs as a SHOULD.</summary>
    public Level Level => Clause.Level() == Level.Must ? Level.Must : Level.Should;

    /// <summary>The catalogue's id of the clause.</summary>
    public string ClauseId => Clause.Id();

    /// <inheritdoc/>
    public override string ToString() => IsDeviation
        ? $"breaks {ClauseId} by {(Kind == JudgementKind.Answer ? Answer.Describe() : Kind.ToString().ToLowerInvariant())}"
        : Kind == JudgementKind.Unjudged ? "not judged" : Clause == OracleClause.Silence ? "left open" : $"as {ClauseId} allows";
}

/// <summary>One of the outcomes that the text allows for a request.</summary>
/// <param name="Answer">The status, or the way of having none.</param>
/// <param name="Clause">Id of the clause that allows it; empty where the text is silent.</param>
/// <param name="Effect">What it means for the state.</param>
public sealed record AllowedOutcome(string Answer, string Clause, string Effect)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Answer} ({(Clause.Length == 0 ? "left open" : Clause)}): {Effect}";
}
