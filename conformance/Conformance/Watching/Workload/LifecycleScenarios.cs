using Viommu.Guest;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Workload;

/// <summary>Queues and devices that go out of use and come back.</summary>
internal static class LifecycleScenarios
{
    public const string QueueReset = "queue reset";
    public const string Suspend = "suspend and resume";

    public static IEnumerable<Scenario> All() =>
    [
        new(QueueReset, PlayQueueReset),
        new(Suspend, PlaySuspend),
    ];

    /// <summary>Sets a bit of the status beside the others, and polls until the device has followed.</summary>
    public static void Settle(GuestUser user, DeviceStatus bit, DeviceStatus reached)
    {
        var transport = user.Machine.Transport;
        transport.WriteStatus(transport.ReadStatus() | bit);
        if (!user.Machine.Await(() => (transport.ReadStatus() & (DeviceStatus.Suspend | DeviceStatus.DriverOk)) == reached))
            throw new GuestSetupException($"the device does not follow {bit}");
    }

    public static void PlayQueueReset(GuestUser user)
    {
        user.Start();
        if (!user.Driver.Has(Features.RingReset)) return;
        user.AttachAll(user.Domain(0));
        user.Map(user.Domain(0));
        var (transport, number) = (user.Machine.Transport, user.Driver.Requests.Number);
        transport.ResetQueue(number);
        if (!user.Machine.Await(() => !transport.ReadQueueReset(number))) throw new GuestSetupException("the queue reset does not end");
        user.Driver.ReplaceRequestQueue(64);
        user.Unmap(user.Domain(0), user.Map(user.Domain(0)).Virtual);
        user.Stop();
    }

    private static void PlaySuspend(GuestUser user)
    {
        user.Start();
        if (!user.Driver.Has(Features.Suspend)) return;
        user.AttachAll(user.Domain(0));
        Settle(user, DeviceStatus.Suspend, DeviceStatus.Suspend);
        Settle(user, DeviceStatus.DriverOk, DeviceStatus.DriverOk);
        user.Map(user.Domain(0));
        user.Stop();
    }
}
