using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Watching.Guests;

/// <summary>
/// Judges whether a guest did what it was told to on the reference device, and holds what it read from a disk behind the virtio-iommu against
/// what is on it.
/// </summary>
internal sealed class GuestWatch
{
    /// <summary>The last line of a guest.</summary>
    public const string End = "end";

    private const int DiskSize = 8 << 20;
    private const int ConsoleShown = 20;
    private const string Boot = "boot";
    private const string Read = "read";
    private const string Write = "write";

    private readonly GuestOrders orders;
    private readonly string[] steps;
    private readonly string content;

    public GuestWatch(GuestOrders orders)
    {
        this.orders = orders;
        steps = orders.Steps.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        new Random(1).NextBytes(Disk);
        content = Sum(Disk);
    }

    /// <summary>What the guest finds on its disk.</summary>
    public byte[] Disk { get; } = new byte[DiskSize];

    /// <summary>A row for each step, the boot first.</summary>
    public IReadOnlyList<CheckResult> Judge(GuestCourse course) => [.. steps.Prepend(Boot).Distinct().Select(step => Judge(new GuestStep(step), course))];

    [SuppressMessage("Security", "CA5351:Do Not Use Broken Cryptographic Algorithms", Justification = "what the guest has, told apart from accidents and not from forgers")]
    private static string Sum(byte[] bytes) => Convert.ToHexStringLower(MD5.HashData(bytes));

    private CheckResult Judge(GuestStep step, GuestCourse course)
    {
        const string Works = "it does, on a device that keeps every clause";
        if (course.Told.Contains($"{step.Name} ok"))
        {
            // A guest that reads something else was given other memory than it has asked for. What it reads later is what it has written.
            var sum = step.Name == Read && steps.TakeWhile(other => other != Write).Contains(Read) ? course.Told.First(line => line.StartsWith($"{Read} ", StringComparison.Ordinal)) : "";
            return sum.Length == 0 || sum.EndsWith($" {content}", StringComparison.Ordinal)
                ? step.Became(Verdict.Pass, actual: sum)
                : step.Became(Verdict.Fail, $"the disk is {content}", sum, course.Told);
        }
        var failed = course.Told.FirstOrDefault(line => line.StartsWith($"{step.Name} failed: ", StringComparison.Ordinal));
        if (failed is not null) return step.Became(Verdict.Fail, Works, failed, Evidence());
        if (course.Death is { } death) return step.Became(Verdict.Error, "the device lives", death.Message, death.ToString().ReplaceLineEndings("\n").Split('\n'));
        if (course.Harmed is [var harm, ..]) return step.Became(Verdict.Crash, Works, harm, Evidence());
        return course.Ended switch
        {
            null => step.Became(Verdict.Missing, "the run was ended before"),
            false => step.Became(Verdict.Timeout, Works, $"not within {orders.Limit.TotalSeconds:0} s", Evidence()),
            true => step.Became(Verdict.Crash, Works, course.Told.Contains(End) ? "it knows no such step" : "the guest ended before", Evidence()),
        };

        List<string> Evidence() => [.. course.Harmed.Concat(course.Console.TakeLast(ConsoleShown)).Distinct()];
    }
}
