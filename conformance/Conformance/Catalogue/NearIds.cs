namespace Viommu.Conformance.Catalogue;

/// <summary>Ids that someone may have meant by one that does not exist.</summary>
internal static class NearIds
{
    private const int Most = 5;

    /// <summary>The few ids nearest to <paramref name="wanted"/>, nearest first; ids that contain it come before all others.</summary>
    public static IReadOnlyList<string> Of(string wanted, IEnumerable<string> ids)
    {
        // Only so much of it can resemble an id; the distance is quadratic.
        var text = wanted.ToUpperInvariant()[..Math.Min(wanted.Length, 128)];
        return [.. ids
            .Select(id => (id, distance: id.Contains(text, StringComparison.OrdinalIgnoreCase) ? 0 : Distance(text, id.ToUpperInvariant())))
            .Where(c => c.distance <= Math.Max(3, text.Length / 3))
            .OrderBy(c => c.distance).ThenBy(c => c.id.Length)
            .Take(Most).Select(c => c.id)];
    }

    /// <summary>Levenshtein: insertions, deletions and replacements that make one of the other.</summary>
    private static int Distance(string a, string b)
    {
        var previous = Enumerable.Range(0, b.Length + 1).ToArray();
        for (int i = 1; i <= a.Length; i++)
        {
            var current = new int[b.Length + 1];
            current[0] = i;
            for (int j = 1; j <= b.Length; j++)
                current[j] = Math.Min(Math.Min(current[j - 1], previous[j]) + 1, previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
            previous = current;
        }
        return previous[b.Length];
    }
}
