namespace Viommu.Device.Tests.Support;

/// <summary>Managed memory that a thread takes.</summary>
internal static class Allocations
{
    /// <summary>
    /// The least that any of several equal stretches of work allocates, in bytes. What the runtime allocates on the side, once, when it
    /// compiles a method anew is in one of them; what the work itself allocates is in each.
    /// </summary>
    public static long Least(Action stretch, int stretches = 5)
    {
        long least = long.MaxValue;
        for (int i = 0; i < stretches; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            stretch();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }
}
