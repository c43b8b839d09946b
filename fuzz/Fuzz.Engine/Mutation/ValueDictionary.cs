namespace Viommu.Fuzz.Engine.Mutation;

/// <summary>
/// Values worth trying: constants of the spec, literals in the instrumented code, what the user gave, and operands that comparisons in that code
/// have seen. It stays small by forgetting the oldest of those last ones.
/// </summary>
public sealed class ValueDictionary
{
    private const int MaximumLearned = 1024;

    // Of so many picks one is of what the user gave, however much else there is.
    private const int ShareOfGiven = 4;

    private readonly ulong[] _fixed;
    private readonly ulong[] _given;
    private readonly byte[][] _tokens;
    private readonly ulong[] _learned = new ulong[MaximumLearned];
    private readonly HashSet<ulong> _known;
    private int _learnedCount;
    private int _oldest;

    /// <summary>
    /// Starts with what is known of the target, and the byte strings that the user gave: as they are, and those that fit a field as its value,
    /// little-endian.
    /// </summary>
    public ValueDictionary(IEnumerable<ulong> values, IEnumerable<byte[]> tokens, IReadOnlyList<byte[]>? given = null)
    {
        _fixed = [.. values.Distinct()];
        _given = [.. (given ?? []).Where(token => token.Length <= sizeof(ulong)).Select(ValueOf).Distinct()];
        _tokens = [.. tokens, .. given ?? []];
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
        if (_given.Length > 0 && random.OneIn(ShareOfGiven)) return _given[random.Below(_given.Length)];
        if (Count == 0) return 0;
        int index = random.Below(Count);
        return index < _fixed.Length ? _fixed[index] : _learned[index - _fixed.Length];
    }

    private static ulong ValueOf(byte[] token)
    {
        ulong value = 0;
        for (int i = token.Length - 1; i >= 0; i--) value = (value << 8) | token[i];
        return value;
    }
}
