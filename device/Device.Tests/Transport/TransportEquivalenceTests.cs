using FsCheck;
using FsCheck.Fluent;
using Viommu.Device.Tests.Support;

namespace Viommu.Device.Tests.Transport;

/// <summary>What a driver says to the device type, and what it hears, does not depend on how the two are connected.</summary>
public class TransportEquivalenceTests
{
    private static readonly Gen<uint> _domain = Gen.Choose(0, 2).Select(d => (uint)d);

    private static readonly Gen<uint> _endpoint = Gen.Frequency((5, Gen.Constant(Machine.Endpoint)), (1, Gen.Constant(99u)));

    // From 0x8000 on: what an endpoint reaches in bypass mode, or through a mapping, is never a ring.
    private static readonly Gen<(ulong First, ulong Last)> _pages =
        from first in Gen.Choose(8, 23)
        from length in Gen.Choose(1, 4)
        select (4096ul * (ulong)first, (4096ul * (ulong)(first + length)) - 1);

    private static readonly Gen<byte[]> _attach =
        from domain in _domain
        from endpoint in _endpoint
        from flags in Gen.Elements(0u, 0u, 1u, 2u)
        select Bytes.Attach(domain, endpoint, flags);

    private static readonly Gen<byte[]> _detach =
        from domain in _domain
        from endpoint in _endpoint
        select Bytes.Detach(domain, endpoint);

    private static readonly Gen<byte[]> _map =
        from domain in _domain
        from pages in _pages
        from flags in Gen.Choose(0, 8)
        select Bytes.Map(domain, pages.First, pages.Last, pages.First + 0x1000, (uint)flags);

    private static readonly Gen<byte[]> _unmap =
        from domain in _domain
        from pages in _pages
        select Bytes.Unmap(domain, pages.First, pages.Last);

    private static readonly Gen<byte[]> _noise = Gen.Choose(0, 255).ArrayOf(24).Select(bytes => bytes.Select(b => (byte)b).ToArray());

    private static readonly Gen<byte[]> _request =
        Gen.Frequency((3, _attach), (1, _detach), (6, _map), (2, _unmap), (1, _endpoint.Select(Bytes.Probe)), (1, _noise));

    private static readonly Gen<Step> _step =
        from request in _request
        from room in Gen.Elements(4, 4, 4, 0x200, 3)
        from access in Gen.Choose(0x8000, 0x1bfff)
        from bypass in Gen.Choose(0, 9)
        select new Step(request, room, (ulong)access, bypass);

    [Fact]
    public void The_same_requests_get_the_same_replies_over_every_transport()
    {
        int answered = 0;
        int faults = 0;
        Prop.ForAll(_step.ListOf().ToArbitrary(), steps =>
        {
            var expected = Run(new Machine(), steps);
            answered += expected.Count(outcome => outcome.Reply is [0, 0, 0, 0]);
            faults += expected.Count(outcome => outcome.Report is not null);
            foreach (var machine in Others()) Assert.Equal(expected, Run(machine, steps));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(100));
        // Equal silence would prove nothing.
        Assert.True(answered > 100, $"{answered} requests succeeded");
        Assert.True(faults > 100, $"{faults} faults were reported");
    }

    private static IEnumerable<IMachine> Others() =>
    [
        new MmioMachine(), new LegacyMmioMachine(), new LegacyPciMachine(), new Machine(pci: new() { Transitional = true }),
    ];

    private static List<Outcome> Run(IMachine machine, IEnumerable<Step> steps)
    {
        var (requests, events) = machine.Start();
        return [.. steps.Select(step => Play(machine, requests, events, step))];
    }

    private static Outcome Play(IMachine machine, Ring requests, Ring events, Step step)
    {
        if (step.Bypass < 2) machine.WriteConfig(36, 1, (ulong)step.Bypass);
        requests.Fill(step.Request);
        requests.Describe(0, requests.Request, (uint)step.Request.Length, Ring.Next, 1);
        requests.Describe(1, requests.Reply, (uint)step.Room, Ring.Writable);
        ushort used = requests.UsedIndex;
        requests.OfferAndNotify();

        events.Fill([]);
        events.Describe(0, events.Reply, 24, Ring.Writable);
        if (events.AvailableIndex == events.UsedIndex) events.Offer(0);
        ushort reported = events.UsedIndex;
        var access = machine.Device.Write(Machine.Endpoint, new(step.Access), [0x5a]);

        return new(
            requests.UsedIndex - used,
            requests.UsedElement(used),
            requests.ReplyBytes(step.Room),
            events.UsedIndex == reported ? null : events.ReplyBytes(24),
            access.ToString(),
            machine.ReadConfig(36, 4));
    }

    private sealed record Step(byte[] Request, int Room, ulong Access, int Bypass)
    {
        public override string ToString() => $"{Convert.ToHexString(Request)} room {Room}, write at 0x{Access:x}, bypass {Bypass}";
    }

    private sealed record Outcome(int Used, (uint Id, uint Length) Element, byte[] Reply, byte[]? Report, string Access, ulong Config)
    {
        public bool Equals(Outcome? other) => other is not null && ToString() == other.ToString();

        public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

        public override string ToString() =>
            $"{Used} used, {Element}, {Convert.ToHexString(Reply)}, report {Convert.ToHexString(Report ?? [])}, {Access}, bypass {Config}";
    }
}
