using Viommu.Conformance.Watching.Workload;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>Drivers that break rules of feature bits (2.2, 6.1, 5.13.3).</summary>
internal static class BrokenDriverFeatures
{
    public static IEnumerable<BrokenDriver> All() =>
    [
        Accepting("accepts BYPASS, which is not offered", "CORE-FEAT-V-01", EverydayScenarios.Everyday, offered => offered | Features.Bypass),
        BrokenDriver.Doing("accepts features without a look at the offer", ["CORE-FEAT-V-03"], user => Accept(user, Features.Version1 | Features.MapUnmap)),
        Accepting("accepts whatever is offered", "CORE-FEAT-V-05", FeatureScenarios.UnknownBits, offered => offered),
        BrokenDriver.On(FeatureScenarios.Without(Features.Probe), "gives up for want of PROBE", ["CORE-FEAT-V-06"], user =>
            user.TryStart(user.Settings with { Require = Features.Probe })),
        new("gives up silently for want of MAP_UNMAP", "CORE-FEAT-V-07") { Tamper = target => SilentAboutFailure(target), Plays = [FeatureScenarios.WithoutMapUnmap] },
        BrokenDriver.On(FeatureScenarios.UnknownBits, "gives up because of unknown feature bits", ["CORE-FEAT-V-08.bits-that-are-not-described-*"], user =>
        {
            Negotiation.Begin(user.Machine);
            user.Machine.ReadOfferedFeatures();
            user.GiveUp("there are unknown features");
        }),
        BrokenDriver.On(FeatureScenarios.NotifyOnEmpty, "gives up because of NOTIFY_ON_EMPTY", ["LEGACY-RSVD-D-01"], user =>
        {
            Negotiation.Begin(user.Machine);
            user.Machine.ReadOfferedFeatures();
            user.GiveUp("there is NOTIFY_ON_EMPTY");
        }) with
        { Configuration = new ModelConfiguration(ModelTransport.LegacyMmio) },
        Accepting("declines VERSION_1", "CORE-RSVD-V-01", EverydayScenarios.Everyday, offered => offered & ~Features.Version1),
        Accepting("declines ACCESS_PLATFORM", "CORE-RSVD-V-03", FeatureScenarios.Platform, offered => offered & ~Features.AccessPlatform),
        Accepting("declines ORDER_PLATFORM", "CORE-RSVD-V-07", FeatureScenarios.Platform, offered => offered & ~Features.OrderPlatform),
        Accepting("declines RING_PACKED", "CORE-RSVD-V-06", EverydayScenarios.Everyday, offered => offered & ~Features.RingPacked) with
        {
            Configuration = new ModelConfiguration(Ring: ModelRing.Packed),
        },
        Accepting("declines NOTIF_CONFIG_DATA", "CORE-RSVD-V-13", FeatureScenarios.NotifConfigData, offered => offered & ~Features.NotifConfigData),
        Accepting("negotiates SR_IOV without the capability", "CORE-RSVD-V-10", FeatureScenarios.SrIov, offered => offered),
        BrokenDriver.On(FeatureScenarios.Platform, "hands bus addresses that nothing translates to the device", ["CORE-RSVD-V-04"], LendNowhere),
        BrokenDriver.Doing("hands addresses outside of memory to the device", ["CORE-RSVD-V-05"], LendNowhere),
        Accepting("declines PROBE", "IOMMU-FEAT-V-01", EverydayScenarios.Everyday, offered => offered & ~Features.Probe),
    ];

    /// <summary>One that writes neither FAILED nor anything else when it gives up.</summary>
    internal static CommonTamper SilentAboutFailure(Live.WatchedTarget target) => new(target, CommonField.DeviceStatus, (value, write) =>
    {
        if (((DeviceStatus)value & DeviceStatus.Failed) == 0) write(value);
    });

    private static BrokenDriver Accepting(string name, string breaks, string scenario, Func<ulong, ulong> accept) =>
        BrokenDriver.On(scenario, name, [breaks], user => Accept(user, accept(user.Machine.ReadOfferedFeatures())));

    private static void Accept(GuestUser user, ulong features)
    {
        Negotiation.Begin(user.Machine);
        Negotiation.Offer(user.Machine, features);
    }

    private static void LendNowhere(GuestUser user)
    {
        user.Start();
        user.Driver.Requests.Lend([new(user.Machine.Target.Ram.Window.Last + 1, 64, IsWritable: false), new(user.Physical(1), 4, IsWritable: true)]);
    }
}
