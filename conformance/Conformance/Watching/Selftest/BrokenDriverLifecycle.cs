using Viommu.Conformance.Watching.Workload;
using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>Drivers that break rules of initialisation, clean-up, queue reset and suspension (2.6.1, 3.1, 3.3, 3.4).</summary>
internal static class BrokenDriverLifecycle
{
    private const DeviceStatus Found = DeviceStatus.Acknowledge | DeviceStatus.Driver;

    public static IEnumerable<BrokenDriver> All() =>
    [
        BrokenDriver.Doing("configures a queue before its reset is done", ["CORE-VQRESET-V-01"], user =>
        {
            user.Start();
            user.Machine.Transport.ResetQueue(0);
            user.Machine.Transport.WriteQueueSize(0, 64);
        }),
        BrokenDriver.Doing("enables a queue that was reset without telling where it is", ["CORE-VQENABLE-V-01"], user =>
        {
            user.Start();
            user.Machine.Transport.ResetQueue(0);
            user.Machine.Transport.ReadQueueReset(0);
            user.Machine.Transport.EnableQueue(0);
        }),
        BrokenDriver.Doing("initialises a device that it has not reset", ["CORE-INIT-V-01"], user => user.Machine.Transport.WriteStatus(DeviceStatus.Acknowledge)),
        BrokenDriver.Doing("enables its queues before FEATURES_OK", ["CORE-INIT-V-01"], user =>
        {
            Negotiation.Begin(user.Machine);
            IommuDriver.Prepare(user.Machine, 0, new DriverSettings());
        }),
        BrokenDriver.Doing("does not look whether FEATURES_OK stays set", ["CORE-INIT-V-01"], user =>
        {
            Begin(user);
            user.Machine.Transport.WriteStatus(Found | DeviceStatus.FeaturesOk);
            user.Machine.Transport.WriteStatus(Found | DeviceStatus.FeaturesOk | DeviceStatus.DriverOk);
        }),
        BrokenDriver.Doing("writes bypass before FEATURES_OK", ["CORE-INIT-V-03"], user =>
        {
            Begin(user);
            user.Machine.WriteBypass(1);
        }),
        BrokenDriver.Doing("accepts another feature after FEATURES_OK", ["CORE-INIT-V-04"], user =>
        {
            Begin(user);
            user.Machine.Transport.WriteStatus(Found | DeviceStatus.FeaturesOk);
            user.Machine.Transport.WriteDriverFeatures(Features.Version1 | Features.MapUnmap | Features.Probe);
        }),
        new("gives up silently where its features are refused", "CORE-INIT-V-05")
        {
            Tamper = target => BrokenDriverFeatures.SilentAboutFailure(target),
            Plays = [StrangeRegisters.Refusal],
        },
        BrokenDriver.On(StrangeRegisters.Refusal, "goes on although its features are refused", ["CORE-INIT-V-06"], user =>
        {
            Begin(user);
            user.Machine.Transport.WriteStatus(Found | DeviceStatus.FeaturesOk);
            user.Machine.Transport.ReadStatus();
            user.Machine.Transport.WriteStatus(Found | DeviceStatus.FeaturesOk | DeviceStatus.DriverOk);
        }),
        BrokenDriver.Doing("notifies before DRIVER_OK", ["CORE-INIT-V-07"], user =>
        {
            var features = Begin(user);
            Negotiation.Offer(user.Machine, features);
            IommuDriver.Prepare(user.Machine, features, new DriverSettings()).NotifyRequests();
        }),
        BrokenDriver.Doing("changes a descriptor that the device has", ["CORE-CLEANUP-V-01"], user =>
        {
            user.Start();
            user.Driver.MakeAvailable(new ProbeRequest(user.Endpoints[0], 512), Framing.Plain);
            ((SplitQueue)user.Driver.Requests).WriteDescriptor(0, new Descriptor(user.Physical(1), 72, DescriptorFlags.Next, 1));
        }),
        BrokenDriver.Doing("takes a buffer back by moving the available index", ["CORE-CLEANUP-V-02"], user =>
        {
            user.Start();
            user.Driver.MakeAvailable(new ProbeRequest(user.Endpoints[0], 512), Framing.Plain);
            ((SplitQueue)user.Driver.Requests).WriteAvailableIndex(0);
        }),
        BrokenDriver.Doing("gives memory that the device has to another buffer", ["CORE-CLEANUP-V-02"], user =>
        {
            user.Start();
            var answer = new BufferElement(user.Physical(1), 4, IsWritable: true);
            for (var i = 0; i < 2; i++) user.Driver.Requests.Lend([new(user.Physical(1), 20, IsWritable: false), answer]);
        }),
        .. Suspending(),
    ];

    private static IEnumerable<BrokenDriver> Suspending() =>
    [
        BrokenDriver.Doing("suspends a device that it has not started", ["CORE-SUSPEND-V-01"], user =>
        {
            Negotiation.Begin(user.Machine);
            user.Machine.Transport.WriteStatus(Found | DeviceStatus.Suspend);
        }),
        BrokenDriver.Doing("resumes without having seen the device suspended", ["CORE-SUSPEND-V-02"], user =>
        {
            Suspend(user);
            user.Machine.Transport.WriteStatus(Found | DeviceStatus.FeaturesOk | DeviceStatus.DriverOk | DeviceStatus.Suspend);
        }),
        BrokenDriver.Doing("makes requests available while suspended", ["CORE-SUSPEND-V-03"], user =>
        {
            Suspend(user);
            user.Driver.MakeAvailable(new ProbeRequest(user.Endpoints[0], 512), Framing.Plain);
        }),
        BrokenDriver.Doing("notifies while suspended", ["CORE-SUSPEND-V-04"], user =>
        {
            Suspend(user);
            user.Driver.NotifyRequests();
        }),
        BrokenDriver.Doing("writes bypass while suspended", ["CORE-SUSPEND-V-05"], user =>
        {
            Suspend(user);
            user.Machine.WriteBypass(0);
        }),
        BrokenDriver.Doing("uses a device that it has not seen resumed", ["CORE-SUSPEND-V-06"], user =>
        {
            Suspend(user);
            user.Machine.Transport.ReadStatus();
            user.Machine.Transport.WriteStatus(Found | DeviceStatus.FeaturesOk | DeviceStatus.DriverOk | DeviceStatus.Suspend);
            user.Driver.NotifyRequests();
        }),
    ];

    private static ulong Begin(GuestUser user)
    {
        Negotiation.Begin(user.Machine);
        user.Machine.ReadOfferedFeatures();
        var features = Features.Version1 | Features.MapUnmap;
        user.Machine.Transport.WriteDriverFeatures(features);
        return features;
    }

    private static void Suspend(GuestUser user)
    {
        user.Start();
        user.Machine.Transport.WriteStatus(Found | DeviceStatus.FeaturesOk | DeviceStatus.DriverOk | DeviceStatus.Suspend);
    }
}
