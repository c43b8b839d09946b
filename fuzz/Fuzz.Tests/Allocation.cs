using System.Diagnostics;

namespace Viommu.Fuzz.Tests;

/// <summary>
/// What code allocates. The runtime compiles anew what runs often, in its own time, and before that it allocates where nobody asked it to: one
/// quiet round is enough, whenever it comes.
/// </summary>
internal static class Allocation
{
    /// <summary>The least that a round allocates on this thread, in bytes.</summary>
    public static long LeastOf(Action round)
    {
        long least = long.MaxValue;
        for (var patience = Stopwatch.StartNew(); least > 0 && patience.Elapsed < TimeSpan.FromMinutes(2);)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            round();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
