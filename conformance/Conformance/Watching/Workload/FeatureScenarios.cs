using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Workload;

/// <summary>Devices that offer less than a driver knows, or more, or have narrow limits.</summary>
internal static class FeatureScenarios
{
    public const string WithoutMapUnmap = "without MAP_UNMAP";
    public const string Narrow = "narrow ranges";
    public const string UnknownBits = "unknown feature bits";
    public const string SrIov = "SR_IOV without the capability";
    public const string Platform = "platform features";
    public const string NotifyOnEmpty = "NOTIFY_ON_EMPTY";
    public const string InOrder = "IN_ORDER";
    public const string NotificationData = "NOTIFICATION_DATA";
    public const string NotifConfigData = "NOTIF_CONFIG_DATA";

    // Bits 7, 22, 42, 50 and 60 are of the device type, and undefined for this one; 44 and 49 are reserved for future extensions (2.2).
    private const ulong Undefined = 1UL << 7 | 1UL << 22 | 1UL << 42 | 1UL << 44 | 1UL << 49 | 1UL << 50 | 1UL << 60;

    private static readonly ulong[] Dispensable =
    [
        Features.InputRange, Features.DomainRange, Features.Probe, Features.Mmio, Features.BypassConfig, Features.IndirectDesc, Features.EventIdx,
    ];

    public static string Without(ulong feature) => $"without {Features.Describe(feature)}";

    public static IEnumerable<Scenario> All() =>
    [
        .. Dispensable.Select(feature => new Scenario(Without(feature), Use) { Shape = new TargetShape { Withholding = feature } }),
        new(WithoutMapUnmap, user => user.TryStart()) { Shape = new TargetShape { Withholding = Features.MapUnmap } },
        new(Platform, Use) { Shape = new TargetShape { Offering = Features.AccessPlatform | Features.OrderPlatform } },
        new(InOrder, user => Use(user, Features.InOrder)) { Shape = new TargetShape { Offering = Features.InOrder } },
        new(NotificationData, user => Use(user, Features.NotificationData)) { Shape = new TargetShape { Offering = Features.NotificationData } },
        new(NotifConfigData, Use) { Shape = new TargetShape { Offering = Features.NotifConfigData } },
        new("both kinds of notification data", user => Use(user, Features.NotificationData))
        {
            Shape = new TargetShape { Offering = Features.NotificationData | Features.NotifConfigData },
        },
        new(Narrow, Use)
        {
            Misbehaviour = new ModelVariation
            {
                Options = options => options with { InputRange = new AddressRange(0x2000_0000, 0x2fff_ffff), DomainRange = new DomainRange(7, 9) },
            },
        },
        new(UnknownBits, Use) { Misbehaviour = Misbehaving.Requests(device => new OffersBits(device, Undefined)) },
        new(NotifyOnEmpty, Use)
        {
            Misbehaviour = Misbehaving.Requests(device => new OffersBits(device, Features.NotifyOnEmpty)),
            Transports = [ModelTransport.LegacyMmio, ModelTransport.TransitionalPci],
        },
        new(SrIov, Use) { Misbehaviour = Misbehaving.Requests(device => new OffersBits(device, Features.SrIov)) },
    ];

    private static void Use(GuestUser user) => Use(user, also: 0);

    private static void Use(GuestUser user, ulong also)
    {
        var settings = user.Settings;
        user.Start(settings with { Accept = settings.Accept | also });
        user.AttachAll(user.Domain(0));
        var (at, _) = user.Map(user.Domain(0), units: 2);
        user.Map(user.Domain(0));
        user.Unmap(user.Domain(0), at, units: 2);
        for (var i = 0; i < 40; i++) user.Unmap(user.Domain(0), user.Map(user.Domain(0)).Virtual);
        if (user.Driver.Has(Features.IndirectDesc))
        {
            var (last, _) = user.Map(user.Domain(0));
            user.Ask(new UnmapRequest(user.Domain(0), last, last + user.Unit - 1), new Framing([], [], Indirect: 2));
        }
        foreach (var endpoint in user.Endpoints) user.Ask(new DetachRequest(user.Domain(0), endpoint));
        user.Stop();
    }
}
