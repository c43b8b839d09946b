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
    private const string TooLong = " failed: not done within ";
    private const string Works = "it does, on a device that keeps every clause";

    private readonly GuestOrders orders;
    private readonly IReadOnlyList<string> steps;
    private readonly string content;

    public GuestWatch(GuestOrders orders)
    {
        this.orders = orders;
        steps = [Boot, .. orders.StepList];
        new Random(1).NextBytes(Disk);
        content = Sum(Disk);
    }

    /// <summary>What the guest finds on its disk.</summary>
    public byte[] Disk { get; } = new byte[DiskSize];

    /// <summary>A row for each step, the boot first, and one for the kernel's health.</summary>
    public IReadOnlyList<CheckResult> Judge(GuestCourse course)
    {
        // A guest does its steps in their order, and says of each how it ended; where the boot failed it does no other.
        var ends = course.Told.Where(line => line.EndsWith(" ok", StringComparison.Ordinal) || line.Contains(" failed: ", StringComparison.Ordinal)).ToList();
        var results = steps.Select((step, at) => Judge(new GuestStep(step), at < ends.Count && ends[at].StartsWith($"{step} ", StringComparison.Ordinal) ? ends[at] : null, ends, course));
        return
        [
            // A step that is done twice is judged by the time that it was not done well.
            .. results.GroupBy(result => result.Check.Id).Select(same => same.FirstOrDefault(result => result.Verdict != Verdict.Pass) ?? same.First()),
            course.Harmed is [var harm, ..] ? GuestStep.Unharmed.Became(Verdict.Crash, Works, harm, Evidence(course)) : GuestStep.Unharmed.Became(Verdict.Pass),
        ];
    }

    private CheckResult Judge(GuestStep step, string? end, List<string> ends, GuestCourse course)
    {
        if (end is not null && end.EndsWith(" ok", StringComparison.Ordinal)) return JudgeSum(step, course);

        // A guest whose device is dead fails at whatever it does.
        if (course.Death is { } death) return step.Became(Verdict.Error, "the device lives", death.Message, death.ToString().ReplaceLineEndings("\n").Split('\n'));
        if (end is not null) return step.Became(end.Contains(TooLong, StringComparison.Ordinal) ? Verdict.Timeout : Verdict.Fail, Works, end, Evidence(course));
        if (course.Ended is null) return step.Became(Verdict.Missing, "the run was ended before");
        if (ends is [var boot, ..] && !boot.EndsWith(" ok", StringComparison.Ordinal)) return step.Became(Verdict.Missing, $"it was not tried: {boot}");
        if (course.Harmed is [var harm, ..]) return step.Became(Verdict.Crash, Works, harm, Evidence(course));
        return course.Ended == true
            ? step.Became(Verdict.Crash, Works, "the guest ended before", Evidence(course))
            : step.Became(Verdict.Timeout, Works, $"not within {orders.Limit.TotalSeconds:0} s", Evidence(course));
    }

    // A guest that reads something else was given other memory than it has asked for. What it reads later is what it has written.
    private CheckResult JudgeSum(GuestStep step, GuestCourse course)
    {
        if (step.Name != Read || !steps.TakeWhile(other => other != Write).Contains(Read)) return step.Became(Verdict.Pass);
        var sum = course.Told.FirstOrDefault(line => line.StartsWith($"{Read} ", StringComparison.Ordinal)) ?? "";
        return sum.EndsWith($" {content}", StringComparison.Ordinal)
            ? step.Became(Verdict.Pass, actual: sum)
            : step.Became(Verdict.Fail, $"the disk is {content}", sum, course.Told);
    }

    private static List<string> Evidence(GuestCourse course) => [.. course.Harmed.Concat(course.Console.TakeLast(ConsoleShown)).Distinct()];

    [SuppressMessage("Security", "CA5351:Do Not Use Broken Cryptographic Algorithms", Justification = "what the guest has, told apart from accidents and not from forgers")]
    private static string Sum(byte[] bytes) => Convert.ToHexStringLower(MD5.HashData(bytes));
}
