namespace Viommu.Fuzz.Engine.Mutation;

/// <summary>
/// Values worth trying: constants of the spec, literals in the instrumented code, and operands that comparisons in it have seen. It stays
/// small by forgetting the oldest of those last ones.
/// </summary>
public sealed class ValueDictionary
{
    private const int MaximumLearned = 1024;

    private readonly ulong[] _fixed;
    private readonly byte[][] _tokens;
    private readonly ulong[] _learned = new ulong[MaximumLearned];
    private readonly HashSet<ulong> _known;
    private int _learnedCount;
    private int _oldest;

    /// <summary>Starts with what is known of the target.</summary>
    public ValueDictionary(IEnumerable<ulong> values, IEnumerable<byte[]> tokens)
    {
        _fixed = [.. values.Distinct()];
        _tokens = [.. tokens];
        _known = [.. _fixed];
    }

    /// <summary>Byte strings.</summary>
    public ReadOnlySpan<byte[]> Tokens => _tokens;

    /// <summary>Number of values.</summary>
    public int Count => _fixed.Length + _learnedCount;

    /// <summary>Adds an operand that a comparison has seen; false where it is known.</summary>
    public bool Learn(ulong value)
    {
        if (!_known.Add(value)) return false;
        if (_learnedCount < MaximumLearned)
        {
            _learned[_learnedCount++] = value;
            return true;
        }

        _known.Remove(_learned[_oldest]);
        _learned[_oldest] = value;
        _oldest = (_oldest + 1) % MaximumLearned;
        return true;
    }

    /// <summary>One of the values; 0 where there is none.</summary>
    public ulong Pick(Random64 random)
    {
        if (Count == 0) return 0;
        int index = random.Below(Count);
        return index < _fixed.Length ? _fixed[index] : _learned[index - _fixed.Length];
    }
}
