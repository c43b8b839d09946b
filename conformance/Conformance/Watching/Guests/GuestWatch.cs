using System.Diagnostics;
using System.Security.Cryptography;
using Viommu.Conformance.Running;
using Viommu.Conformance.Watching.Live;
using Viommu.Guest.Hosting;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Watching.Guests;

/// <summary>
/// Boots a Linux whose virtio-iommu is the reference device of this process, watches what its driver does, and holds what it reads from a
/// disk behind the virtio-iommu against what is on it.
/// </summary>
/// <param name="orders">Which guest, and what it is to do.</param>
/// <param name="configuration">How the guest uses the device: over PCI, with rings of either kind.</param>
/// <param name="variation">Parts put in place of the reference device's own; null for the reference device.</param>
/// <param name="watcher">Who sees what the driver does.</param>
/// <param name="progress">Called with each line that the guest says of its steps.</param>
internal sealed class GuestWatch(GuestOrders orders, ModelConfiguration configuration, ModelVariation? variation, Watcher watcher, Action<string> progress)
{
    private const int DiskSize = 8 << 20;
    private const int ConsoleShown = 20;
    private const string Boot = "boot";
    private const string End = "end";

    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Aftermath = TimeSpan.FromSeconds(2);

    private readonly List<string> console = [];

    /// <summary>All that the guest's console said, as far as it was kept.</summary>
    public IReadOnlyList<string> Console => console;

    /// <summary>Which kernel it is, by its own account.</summary>
    public string Kernel => console.FirstOrDefault(line => line.Contains("Linux version ", StringComparison.Ordinal))?.Split("Linux version ")[1].Split(' ')[0] ?? "unknown";

    /// <summary>The steps that will be judged.</summary>
    public IReadOnlyList<GuestStep> Plan => [new(Boot), .. Steps.Distinct().Select(step => new GuestStep(step))];

    private string[] Steps => orders.Steps.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    // What it reads later is what it has written.
    private bool ReadsBeforeItWrites => Steps.TakeWhile(step => step != "write").Contains("read");

    /// <summary>
    /// Boots the guest and waits for its end, for the end of its time, or until the user has had enough. Throws
    /// <see cref="TargetUnavailableException"/> where there is no guest to watch.
    /// </summary>
    public IReadOnlyList<CheckResult> Run(CancellationToken interrupted)
    {
        var disk = new byte[DiskSize];
        new Random(1).NextBytes(disk);
        var content = Convert.ToHexStringLower(MD5.HashData(disk));
        WatchedTarget? watched = null;
        using var machine = new HostedMachine(disk, configuration, variation, target => watched = new WatchedTarget(target, watcher, "a Linux guest", Sight.Hosted));
        using var guest = LinuxGuest.Boot(orders.Qemu, orders.Folder, machine, $"viommu.do={orders.Steps} {orders.CommandLine}");
        var clock = Stopwatch.StartNew();
        bool ended;
        for (var told = 0; ; told = Tell(guest, told))
        {
            ended = guest.WaitForEnd(Glance);
            if (ended || clock.Elapsed >= orders.Limit || interrupted.IsCancellationRequested) break;
        }
        guest.Kill();
        console.AddRange(guest.Console);
        var death = Death(machine);
        if (console.Count == 0 && death is null && !interrupted.IsCancellationRequested) throw new TargetUnavailableException($"the guest said nothing: {guest.LastWords}");
        watched!.LookAhead();
        watcher.See(new SessionEnded());
        return [.. Plan.Select(step => Judge(step, guest, interrupted.IsCancellationRequested ? null : ended, death, content))];
    }

    private int Tell(LinuxGuest guest, int told)
    {
        foreach (var line in guest.Told.Skip(told))
        {
            progress(line);
            told++;
        }
        return told;
    }

    /// <summary>What the device died of, once nobody drives it any more; null where it lives.</summary>
    private static Exception? Death(HostedMachine machine)
    {
        try
        {
            machine.Gone.Wait(Aftermath);
            return null;
        }
        catch (AggregateException failure)
        {
            return failure.GetBaseException();
        }
    }

    private CheckResult Judge(GuestStep step, LinuxGuest guest, bool? ended, Exception? death, string content)
    {
        const string Works = "it does, on a device that keeps every clause";
        if (guest.Told.Contains($"{step.Name} ok"))
        {
            // A guest that reads something else was given other memory than it has asked for.
            var sum = step.Name == "read" && ReadsBeforeItWrites ? guest.Told.First(line => line.StartsWith("read ", StringComparison.Ordinal)) : "";
            return sum.Length == 0 || sum.EndsWith($" {content}", StringComparison.Ordinal)
                ? step.Became(Verdict.Pass, actual: sum)
                : step.Became(Verdict.Fail, $"the disk is {content}", sum, guest.Told);
        }
        var failed = guest.Told.FirstOrDefault(line => line.StartsWith($"{step.Name} failed: ", StringComparison.Ordinal));
        if (failed is not null) return step.Became(Verdict.Fail, Works, failed, Evidence());
        if (death is not null) return step.Became(Verdict.Error, "the device lives", death.Message, death.ToString().ReplaceLineEndings("\n").Split('\n'));
        if (guest.Harmed is [var harm, ..]) return step.Became(Verdict.Crash, Works, harm, Evidence());
        return ended switch
        {
            null => step.Became(Verdict.Missing, "the run was ended before"),
            false => step.Became(Verdict.Timeout, Works, $"not within {orders.Limit.TotalSeconds:0} s", Evidence()),
            true => step.Became(Verdict.Crash, Works, guest.Told.Contains(End) ? "it knows no such step" : "the guest ended before", Evidence()),
        };

        List<string> Evidence() => [.. guest.Harmed.Concat(guest.Console.TakeLast(ConsoleShown)).Distinct()];
    }
}
