using Viommu.Conformance.Watching.Workload;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>Drivers that break rules of requests in general, of ATTACH, DETACH and MAP (5.13.5, 5.13.6.2 to 5.13.6.5).</summary>
internal static class BrokenDriverRequests
{
    public static IEnumerable<BrokenDriver> All() =>
    [
        BrokenDriver.Doing("attaches an endpoint that it has not probed", ["IOMMU-INIT-V-02"], user =>
        {
            user.Start();
            user.Ask(new AttachRequest(user.Domain(0), user.Endpoints[0]));
        }),
        Writing("leaves junk in the reserved bytes of heads", "IOMMU-OPS-V-01", RequestType.Map, request => request[2] = 0x5a),
        new("takes junk in a tail for a failure", "IOMMU-OPS-V-02")
        {
            Plays = [StrangeAnswers.TailJunk],
            Belief = conclusion => conclusion is RequestConcluded request ? request with { Succeeded = request.Outcome.Reply is [.., 0, 0, 0, 0] } : conclusion,
        },
        new("takes what it finds in an unwritten buffer for the answer", "IOMMU-OPS-V-03")
        {
            Plays = [StrangeAnswers.Unwritten],
            Belief = conclusion => conclusion is RequestConcluded request ? request with { Succeeded = true } : conclusion,
        },
        BrokenDriver.On(FeatureScenarios.Narrow, "maps addresses outside of input_range", ["IOMMU-OPS-V-04"], user =>
        {
            Attach(user);
            user.Ask(new MapRequest(user.Domain(0), 0x1000, 0x1fff, user.Physical(1), MapFlags.Read));
        }),
        BrokenDriver.On(FeatureScenarios.Narrow, "uses domains outside of domain_range", ["IOMMU-OPS-V-05"], user =>
        {
            user.Start();
            user.AttachAll(user.Driver.Config.DomainEnd + 1);
        }),
        Writing("leaves junk in the reserved field of ATTACH", "IOMMU-ATTACH-V-01", RequestType.Attach, request => request[16] = 1),
        BrokenDriver.Doing("joins a bypass domain without F_BYPASS", ["IOMMU-ATTACH-V-03"], user => Join(user, AttachRequest.BypassFlag, 0)),
        BrokenDriver.Doing("joins a domain that translates with F_BYPASS", ["IOMMU-ATTACH-V-04"], user => Join(user, 0, AttachRequest.BypassFlag)),
        Writing("leaves junk in the reserved bytes of DETACH", "IOMMU-DETACH-V-01", RequestType.Detach, request => request[19] = 1),
        Writing("sets an undefined flag of MAP", "IOMMU-MAP-V-01", RequestType.Map, request => request[32] |= 1 << 3),
        BrokenDriver.Doing("maps in a bypass domain", ["IOMMU-MAP-V-02"], user =>
        {
            AttachBypassed(user);
            user.Map(user.Domain(0));
        }),
        BrokenDriver.Doing("maps a single byte", ["IOMMU-MAP-V-03"], user =>
        {
            Attach(user);
            user.Ask(new MapRequest(user.Domain(0), user.Virtual(1), user.Virtual(1) - user.Unit, user.Physical(1), MapFlags.Read));
        }),
        Writing("maps device registers without the MMIO flag", "IOMMU-MAP-V-04", RequestType.Map, request => request[32] &= unchecked((byte)~MapFlags.Mmio)),
        BrokenDriver.Doing("maps memory and device registers at once", ["IOMMU-MAP-V-05"], user =>
        {
            Attach(user);
            var from = user.Machine.Target.Ram.Window.Last + 1 - user.Unit;
            user.Ask(new MapRequest(user.Domain(0), 0x1_0000_0000, 0x1_0000_0000 + user.Machine.Target.BarWindow.Last - from, from, MapFlags.Read));
        }),
        Writing("forgets the READ flag", "IOMMU-MAP-V-06", RequestType.Map, request => request[32] &= unchecked((byte)~MapFlags.Read)),
        BrokenDriver.On(FeatureScenarios.Without(Features.Mmio), "uses the MMIO flag without the feature", ["IOMMU-MAP-V-07"], user =>
        {
            Attach(user);
            user.Map(user.Domain(0), flags: MapFlags.Write | MapFlags.Mmio);
        }),
        BrokenDriver.On(FeatureScenarios.Narrow, "unmaps beyond input_range", ["IOMMU-UNMAP-V-03"], user =>
        {
            Attach(user);
            user.Map(user.Domain(0));
            user.Ask(new UnmapRequest(user.Domain(0), 0, ulong.MaxValue));
        }),
        BrokenDriver.Doing("unmaps in a bypass domain", ["IOMMU-UNMAP-V-06"], user =>
        {
            AttachBypassed(user);
            user.Unmap(user.Domain(0), user.Virtual(1));
        }),
    ];

    private static BrokenDriver Writing(string name, string breaks, byte type, Action<byte[]> change) =>
        new(name, breaks) { Tamper = target => new RequestTamper(target, type, change) };

    private static void Attach(GuestUser user)
    {
        user.Start();
        user.AttachAll(user.Domain(0));
    }

    private static void AttachBypassed(GuestUser user)
    {
        user.Start();
        user.Probe(user.Endpoints[0]);
        user.Ask(new AttachRequest(user.Domain(0), user.Endpoints[0]) { Flags = AttachRequest.BypassFlag });
    }

    private static void Join(GuestUser user, uint first, uint second)
    {
        user.Start();
        foreach (var endpoint in user.Endpoints) user.Probe(endpoint);
        user.Ask(new AttachRequest(user.Domain(0), user.Endpoints[0]) { Flags = first });
        user.Ask(new AttachRequest(user.Domain(0), user.Endpoints[1]) { Flags = second });
    }
}
