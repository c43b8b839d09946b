using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Workload;

/// <summary>What every driver does with a device that works.</summary>
internal static class EverydayScenarios
{
    public const string Everyday = "everyday";

    public static IEnumerable<Scenario> All() =>
    [
        new(Everyday, PlayEveryday),
    ];

    private static void PlayEveryday(GuestUser user)
    {
        user.Start();
        var (domain, other) = (user.Domain(0), user.Domain(1));
        user.AttachAll(domain);
        var (first, _) = user.Map(domain);
        var (second, _) = user.Map(domain, units: 3, MapFlags.Read);
        user.Map(domain, flags: MapFlags.Write);
        user.Unmap(domain, first);
        user.Unmap(domain, second, units: 3);

        // A range may spill over what is not mapped.
        var (last, _) = user.Map(domain);
        user.Virtual(1);
        user.Unmap(domain, last, units: 2);
        if (user.Driver.Has(Features.Mmio)) MapRegisters(user, domain);
        SendTogether(user, domain);
        Fault(user);
        if (user.Endpoints.Count > 1)
        {
            user.Ask(new AttachRequest(other, user.Endpoints[1]));
            user.Map(other);
            user.Ask(new DetachRequest(other, user.Endpoints[1]));
        }
        foreach (var endpoint in user.Endpoints) user.Ask(new DetachRequest(domain, endpoint));
        if (user.Driver.Has(Features.BypassConfig)) Bypass(user, domain);
        user.Stop();

        // Once more, as after the driver was unbound and bound again.
        user.Start();
        user.AttachAll(domain);
        user.Map(domain);
        user.Stop();
    }

    private static void SendTogether(GuestUser user, uint domain)
    {
        var at = user.Virtual(4);
        var memory = user.Physical(4);
        var maps = Enumerable.Range(0, 4).Select(n => at + (uint)n * user.Unit).ToList();
        user.Driver.SendTogether(maps.Select(start => new MapRequest(domain, start, start + user.Unit - 1, memory, MapFlags.Read)));
        user.Driver.SendTogether([new UnmapRequest(domain, at, at + 2 * user.Unit - 1), new UnmapRequest(domain, maps[2], maps[3] + user.Unit - 1)]);
        if (!user.Driver.Has(Features.IndirectDesc)) return;
        user.Ask(new MapRequest(domain, at, at + user.Unit - 1, memory, MapFlags.Read), new Framing([], [], Indirect: 2));
        user.Ask(new UnmapRequest(domain, at, at + user.Unit - 1), new Framing([], [], Indirect: 2));
    }

    private static void MapRegisters(GuestUser user, uint domain)
    {
        var at = user.Virtual(1);
        user.Ask(new MapRequest(domain, at, at + user.Unit - 1, user.Machine.Target.BarWindow.First & ~(user.Unit - 1), MapFlags.Write | MapFlags.Mmio));
        user.Unmap(domain, at);
    }

    private static void Fault(GuestUser user)
    {
        if (user.Endpoints.Count == 0) return;
        user.Machine.Target.BusMasters[0].Store(user.Virtual(1), 0, 4);
        user.Machine.Target.Settle();
        user.TakeFaults();
    }

    private static void Bypass(GuestUser user, uint domain)
    {
        user.Machine.WriteBypass(0);
        user.Machine.WriteBypass(1);
        foreach (var endpoint in user.Endpoints) user.Ask(new AttachRequest(domain, endpoint) { Flags = AttachRequest.BypassFlag });
        foreach (var endpoint in user.Endpoints) user.Ask(new DetachRequest(domain, endpoint));
    }
}
