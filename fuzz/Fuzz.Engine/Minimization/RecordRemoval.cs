using Viommu.Fuzz.Engine.Mutation;

namespace Viommu.Fuzz.Engine.Minimization;

/// <summary>Makes an input shorter by whole records: blocks of half of them, then of half of that, down to single ones.</summary>
internal static class RecordRemoval
{
    /// <summary>The shortest input found of which <paramref name="isGood"/> is true, after at most so many attempts.</summary>
    public static byte[] Shorten(InputShape shape, byte[] input, int attempts, Func<byte[], bool> isGood)
    {
        var best = input;
        for (int block = Math.Max(1, shape.RecordsIn(best.Length) / 2); block >= 1; block /= 2)
        {
            for (int at = 0; at < shape.RecordsIn(best.Length);)
            {
                if (attempts-- <= 0) return best;
                int from = shape.HeaderSize + (at * shape.RecordSize);
                int to = Math.Min(from + (block * shape.RecordSize), best.Length);
                byte[] candidate = [.. best[..from], .. best[to..]];
                if (isGood(candidate)) best = candidate;
                else at += block;
            }
        }

        return best;
    }
}
