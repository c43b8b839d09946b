using Viommu.Conformance.Watching.Live;
using Viommu.Guest.Hosting;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Watching.Guests;

/// <summary>A Linux that is booted on a virtio-iommu of this process, and watched until its end.</summary>
/// <param name="orders">Which guest, and what it is to do.</param>
/// <param name="configuration">How the guest uses the device: over PCI, with rings of either kind.</param>
/// <param name="variation">Parts put in place of the reference device's own; null for the reference device.</param>
/// <param name="watcher">Who sees what the driver does.</param>
internal sealed class GuestBoot(GuestOrders orders, ModelConfiguration configuration, ModelVariation? variation, Watcher watcher)
{
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestGlance = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Boots the guest and waits for its end, for the end of its time, or until the user has had enough; <paramref name="progress"/> is called
    /// with each line that it says of its steps. Throws <see cref="TargetUnavailableException"/> where there is no guest to watch.
    /// </summary>
    /// <param name="disk">What is on the disk behind the virtio-iommu.</param>
    /// <param name="progress">Takes the lines.</param>
    /// <param name="interrupted">Set when the user has had enough.</param>
    public GuestCourse Run(byte[] disk, Action<string> progress, CancellationToken interrupted)
    {
        WatchedTarget? watched = null;
        using var machine = new HostedMachine(
            disk, configuration, variation, target => watched = new WatchedTarget(target, watcher, "a Linux guest", Sight.Hosted), () => watched?.LookAround());
        using var guest = LinuxGuest.Boot(orders.Qemu, orders.Folder, machine, orders.KernelCommandLine);
        var ended = Wait(guest, machine, progress, interrupted);
        guest.Kill();
        var death = machine.Stop();
        if (death is null && !interrupted.IsCancellationRequested)
        {
            if (guest.Accident is { } accident) throw new TargetUnavailableException($"QEMU {accident}, and nothing is said of the guest: {guest.LastWords}");
            if (guest.Console.Count == 0) throw new TargetUnavailableException($"the guest said nothing: {guest.LastWords}");
        }
        watched!.LookAhead();

        // Of a driver that was stopped nobody knows what it would have done yet.
        if (ended) watcher.See(new SessionEnded());
        return new(guest.Told, guest.Harmed, guest.Console, interrupted.IsCancellationRequested ? null : ended, death);
    }

    private bool Wait(LinuxGuest guest, HostedMachine machine, Action<string> progress, CancellationToken interrupted)
    {
        var told = 0;
        // Where this process itself was stopped, or starved, so was the device.
        var waiting = new WaitingTime(TimeProvider.System, LongestGlance);
        while (true)
        {
            var ended = guest.WaitForEnd(Glance);
            var said = guest.Told;
            foreach (var line in said.Skip(told)) progress(line);
            told = said.Count;

            // What comes behind its last line is the machine's way to go, which is no business of the driver's.
            ended |= said.Contains(GuestWatch.End);
            if (ended || machine.IsBroken || waiting.Look() >= orders.Limit || interrupted.IsCancellationRequested) return ended;
        }
    }
}

/// <summary>What became of a guest.</summary>
/// <param name="Told">What it said of its steps.</param>
/// <param name="Harmed">What its kernel said of harm that it came to.</param>
/// <param name="Console">All that its console said, as far as it was kept.</param>
/// <param name="Ended">False where its time was over before; null where the user had had enough.</param>
/// <param name="Death">What the device died of; null where it lived.</param>
internal sealed record GuestCourse(IReadOnlyList<string> Told, IReadOnlyList<string> Harmed, IReadOnlyList<string> Console, bool? Ended, Exception? Death)
{
    /// <summary>Which kernel it is, by its own account.</summary>
    public string Kernel => Console.FirstOrDefault(line => line.Contains("Linux version ", StringComparison.Ordinal))?.Split("Linux version ")[1].Split(' ')[0] ?? "unknown";
}
