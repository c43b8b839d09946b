namespace Viommu.Conformance.Watching;

/// <summary>What a rule works with: the driver as it was before the observation, and the two things a rule can say.</summary>
public sealed class Judge
{
    // One finding is as good as a thousand; the first few differ at times.
    private const int MostKept = 3;

    private readonly Func<IReadOnlyList<string>> evidence;
    private readonly List<Violation> violations = [];
    private readonly HashSet<string> notes = [];
    private Dictionary<Type, object> kept = [];

    internal Judge(DriverRule rule, DriverHistory driver, Func<IReadOnlyList<string>> evidence)
    {
        Rule = rule;
        Driver = driver;
        this.evidence = evidence;
    }

    /// <summary>The driver, its device, and what passed between them, as they were before the observation.</summary>
    public DriverHistory Driver { get; }

    /// <summary>The rule.</summary>
    internal DriverRule Rule { get; }

    /// <summary>How often the rule had something to say.</summary>
    internal int Exercised { get; private set; }

    /// <summary>How often it was broken.</summary>
    internal int Broken { get; private set; }

    /// <summary>The first violations.</summary>
    internal IReadOnlyList<Violation> Violations => violations;

    /// <summary>Remarks on choices that the driver is free to make.</summary>
    internal IEnumerable<string> Notes => notes;

    /// <summary>The first exception out of the rule itself, which is a mistake of this suite.</summary>
    internal Exception? Failure { get; private set; }

    /// <summary>What this rule remembers of the device at hand.</summary>
    public T Keep<T>()
        where T : class, new()
    {
        if (!kept.TryGetValue(typeof(T), out var state)) kept[typeof(T)] = state = new T();
        return (T)state;
    }

    /// <summary>The clause speaks of what was seen, and asks for <paramref name="expected"/>; where that does not hold, <paramref name="actual"/> is what was seen.</summary>
    public void That(bool holds, string expected, string actual)
    {
        Exercised++;
        if (holds) return;
        Broken++;
        if (violations.Count < MostKept) violations.Add(new(Driver.Name, expected, actual, evidence()));
    }

    /// <summary>The clause speaks of what was seen, and it holds.</summary>
    public void Kept() => Exercised++;

    /// <summary>The clause allows what was seen; <paramref name="choice"/> says which choice the driver took.</summary>
    public void Allowed(string choice)
    {
        Exercised++;
        notes.Add(choice);
    }

    /// <summary>Another device: what the rule remembers is of the one before.</summary>
    internal void Begin() => kept = [];

    internal void Look(Observation seen)
    {
        if (Failure is not null) return;
        if (!Rule.FromAnywhere && !Driver.IsWhole && !DriverHistory.IsReset(seen)) return;
        if ((Rule.Needs & ~Driver.Sees) != 0 || (Rule.Transports.Count > 0 && !Rule.Transports.Contains(Driver.Transport))) return;
        try
        {
            Rule.Body(this, seen);
        }
        catch (Exception bug)
        {
            // A mistake of one rule costs that rule its verdict, and no other: it becomes an ERROR.
            Failure = bug;
        }
    }
}

/// <summary>A rule that was broken.</summary>
/// <param name="Device">The device that was driven.</param>
/// <param name="Expected">What the clause asks for.</param>
/// <param name="Actual">What the driver did.</param>
/// <param name="Evidence">What led up to it, one line each, the violation last.</param>
internal sealed record Violation(string Device, string Expected, string Actual, IReadOnlyList<string> Evidence);
