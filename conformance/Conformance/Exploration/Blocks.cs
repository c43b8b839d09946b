namespace Viommu.Conformance.Exploration;

/// <summary>The step that every search for a shorter list is made of.</summary>
internal static class Blocks
{
    /// <summary>Leaves out one block of <paramref name="length"/> after another, as long as what is left is still good.</summary>
    public static IReadOnlyList<T> LeaveOut<T>(IReadOnlyList<T> items, int length, Func<IReadOnlyList<T>, bool> isGood)
    {
        for (var start = 0; start < items.Count;)
        {
            T[] rest = [.. items.Take(start), .. items.Skip(start + length)];
            if (isGood(rest)) items = rest;
            else start += length;
        }
        return items;
    }
}
