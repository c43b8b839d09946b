using System.Diagnostics;
using Viommu.Fuzz.Selftest;

namespace Viommu.Fuzz.Tests.Selftest;

public class ProcessorTimeTests
{
    private static readonly TimeSpan Taken = TimeSpan.FromSeconds(0.5);

    [SkippableFact]
    public void What_a_thread_takes_that_was_given_up_does_not_count()
    {
        int? id = null;
        bool isOver = false;
        using var started = new ManualResetEventSlim();
        var loop = new Thread(() =>
        {
            id = ProcessorTime.ThisThread;
            started.Set();
            while (!Volatile.Read(ref isOver)) Thread.SpinWait(100);
        });
        loop.Start();
        started.Wait();
        try
        {
            Skip.If(id is null, "threads cannot be told apart on this system");
            var (all, rest) = (new ProcessorTime(), new ProcessorTime());
            rest.GiveUp(id.Value);
            var (allBefore, restBefore) = (all.Now, rest.Now);
            for (var before = TimeOf(id.Value); TimeOf(id.Value) - before < Taken;) Thread.Sleep(10);
            // Other tests run in this process at the same time: both count what those take.
            var restAfter = rest.Now;
            Assert.True(all.Now - allBefore - (restAfter - restBefore) >= 0.9 * Taken);
        }
        finally
        {
            Volatile.Write(ref isOver, true);
            loop.Join();
        }
    }

    private static TimeSpan TimeOf(int thread)
    {
        using var process = Process.GetCurrentProcess();
        return process.Threads.Cast<ProcessThread>().Single(one => one.Id == thread).TotalProcessorTime;
    }
}
