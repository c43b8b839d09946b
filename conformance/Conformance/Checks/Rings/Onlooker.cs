using System.Diagnostics;
using Viommu.Guest.Driver;

namespace Viommu.Conformance.Checks.Rings;

/// <summary>
/// Another processor of the guest, that looks at memory all the time while the device works. It sees in which order the device writes,
/// if it looks in time: what it sees proves a device wrong, and that it sees nothing proves nothing.
/// </summary>
internal static class Onlooker
{
    /// <summary>
    /// Runs <paramref name="act"/>, and takes <paramref name="picture"/> on another thread as soon as <paramref name="hasHappened"/>
    /// there; null where that was not seen.
    /// </summary>
    public static T? Watch<T>(Machine machine, Func<bool> hasHappened, Func<T> picture, Action act)
        where T : class
    {
        using var looking = new ManualResetEventSlim();
        var isOver = false;
        T? seen = null;
        var thread = new Thread(() =>
        {
            var clock = Stopwatch.StartNew();
            looking.Set();
            while (!Volatile.Read(ref isOver) && clock.Elapsed < 2 * machine.Patience)
            {
                if (!hasHappened()) continue;
                Thread.MemoryBarrier();
                seen = picture();
                return;
            }
        })
        { IsBackground = true, Name = "onlooker" };
        thread.Start();
        looking.Wait();
        try
        {
            act();
        }
        finally
        {
            Volatile.Write(ref isOver, true);
            thread.Join();
        }
        return seen;
    }
}
