namespace Viommu.Fuzz.Engine.Coverage;

/// <summary>Two operands that instrumented code compared, and their width in bytes.</summary>
public readonly record struct Comparison(ulong Left, ulong Right, int Width);

/// <summary>The operands of comparisons of one execution, each pair once, as many as there is room for.</summary>
public sealed class ComparisonLog
{
    private const int Capacity = 4096;

    private readonly HashSet<Comparison> _seen = [];

    /// <summary>The log that instrumented code on this thread writes to; null where nobody listens.</summary>
    [field: ThreadStatic]
    public static ComparisonLog? Current { get; set; }

    /// <summary>The pairs.</summary>
    public IReadOnlyCollection<Comparison> Pairs => _seen;

    /// <summary>Forgets everything.</summary>
    public void Clear() => _seen.Clear();

    /// <summary>Two operands were compared.</summary>
    public void Add(ulong left, ulong right, int width)
    {
        if (left != right && _seen.Count < Capacity) _seen.Add(new(left, right, width));
    }
}
