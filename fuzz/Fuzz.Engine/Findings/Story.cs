namespace Viommu.Fuzz.Engine.Findings;

/// <summary>
/// What an execution did, step by step, for people. A target tells it where somebody has handed one over as
/// <see cref="Coverage.Observations.Story"/>: when a finding is kept or replayed, and never while a campaign looks for one.
/// </summary>
public sealed class Story
{
    private readonly List<StoryStep> _steps = [];

    /// <summary>What was done, in its order; the last is what broke something, where something is broken.</summary>
    public IReadOnlyList<StoryStep> Steps => _steps;

    /// <summary>A step of the input begins.</summary>
    public void Begin(int step) => _steps.Add(new(step, ""));

    /// <summary>Something begins that the target does by itself, after the last step.</summary>
    public void Begin(string what) => _steps.Add(new(null, what));

    /// <summary>Something comes of a step beside its own outcome.</summary>
    public void BeginBeside(string what) => _steps.Add(new(_steps[^1].Index, what));

    /// <summary>The input is run from its first step on once more.</summary>
    public void BeginAnew() => _steps.Clear();

    /// <summary>What would be right for what has begun.</summary>
    public void Expect(string allowed) => _steps[^1] = _steps[^1] with { Allowed = allowed };

    /// <summary>What came of it, or came beside it.</summary>
    public void Saw(string what) => _steps[^1] = _steps[^1] with { Seen = _steps[^1].Seen.Length == 0 ? what : $"{_steps[^1].Seen}, {what}" };
}

/// <summary>One thing that an execution did.</summary>
/// <param name="Index">The step of the input, from 0; null for what the target does after the last.</param>
/// <param name="What">What that is; empty for the step itself.</param>
public sealed record StoryStep(int? Index, string What)
{
    /// <summary>What would be right; empty where nobody said.</summary>
    public string Allowed { get; init; } = "";

    /// <summary>What came; empty where nothing was looked at.</summary>
    public string Seen { get; init; } = "";
}
