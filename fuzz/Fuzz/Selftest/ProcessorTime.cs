using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Viommu.Fuzz.Selftest;

/// <summary>
/// The time that this process has had of its processors, without that of threads that were given up: nothing can end them, and what comes
/// after them is not to pay for it.
/// </summary>
internal sealed partial class ProcessorTime
{
    // What each had taken when it was seen last: it may have ended by itself since.
    private readonly Dictionary<int, TimeSpan> _givenUp = [];

    /// <summary>What the system calls the thread that asks; null where its threads cannot be told apart, so that all of them count.</summary>
    public static int? ThisThread => OperatingSystem.IsLinux() ? ThreadId() : null;

    /// <summary>The time so far; only differences of it mean anything, between which no thread was given up.</summary>
    public TimeSpan Now
    {
        get
        {
            using var process = Process.GetCurrentProcess();
            if (_givenUp.Count > 0) LookAtThreads(process);
            return _givenUp.Values.Aggregate(process.TotalProcessorTime, (left, taken) => left - taken);
        }
    }

    /// <summary>A thread counts no more.</summary>
    public void GiveUp(int thread) => _givenUp.TryAdd(thread, TimeSpan.Zero);

    private void LookAtThreads(Process process)
    {
        foreach (ProcessThread thread in process.Threads)
        {
            if (_givenUp.TryGetValue(thread.Id, out var before) && TimeOf(thread) is { } now && now > before) _givenUp[thread.Id] = now;
        }
    }

    // Null where it has just ended.
    private static TimeSpan? TimeOf(ProcessThread thread)
    {
        try
        {
            return thread.TotalProcessorTime;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "gettid")]
    private static partial int ThreadId();
}
