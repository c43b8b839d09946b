using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Viommu.Device.Tests.Support;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Virtqueue;

/// <summary>The same requests have the same answers whatever the ring, the framing, the batches and the features of section 6.</summary>
public class RingIndependenceTests
{
    private const int ReplyRoom = 80;

    /// <summary>How a request is laid out in descriptors.</summary>
    private enum Framing
    {
        Direct,
        Chained,
        Indirect,
    }

    /// <summary>A request and the room for its reply.</summary>
    public sealed record Exchange(byte[] Request, int Room)
    {
        public override string ToString() => $"{Convert.ToHexString(Request)} +{Room.ToString(CultureInfo.InvariantCulture)}";
    }

    [Fact]
    public void The_same_requests_have_the_same_answers_over_every_ring_and_framing()
    {
        int mapped = 0;
        Prop.ForAll(Arb.From(Requests(), Shorter), exchanges =>
        {
            var expected = Answers(new SplitSide(VirtioFeatures.None, Framing.Direct), exchanges, batch: 1);
            mapped += exchanges.Zip(expected).Count(pair => pair.First.Request is [3, ..] && pair.Second == "4 00000000");
            foreach (var framing in Enum.GetValues<Framing>())
            {
                foreach (int batch in new[] { 1, 3 })
                {
                    Assert.Equal(expected, Answers(new SplitSide(VirtioFeatures.None, framing), exchanges, batch));
                    Assert.Equal(expected, Answers(new PackedSide(VirtioFeatures.None, framing, 16), exchanges, batch));
                    Assert.Equal(expected, Answers(new PackedSide(VirtioFeatures.EventIndex, framing, 13), exchanges, batch));
                }
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(60));
        // Answers that were all refusals would prove little.
        Assert.True(mapped > 30, $"{mapped} mapped");
    }

    private static Gen<Exchange[]> Requests()
    {
        var domain = Gen.Choose(0, 2).Select(value => (uint)value);
        var endpoint = Gen.Elements(Machine.Endpoint, Machine.Endpoint, 99u);
        var page = Gen.Choose(0, 5).Select(value => 0x1000 * (ulong)value);
        var last = Gen.Choose(0, 2).Select(pages => (0x1000 * (ulong)pages) + 0xfff);
        var attach = from d in domain from e in endpoint select Bytes.Attach(d, e);
        var detach = from d in domain from e in endpoint select Bytes.Detach(d, e);
        var map = from d in domain from first in page from length in last from to in page select Bytes.Map(d, first, first + length, to);
        var unmap = from d in domain from first in page from length in last select Bytes.Unmap(d, first, first + length);
        var probe = endpoint.Select(Bytes.Probe);
        var garbage = Gen.Choose(0, 40).Select(length => Enumerable.Range(length, length).Select(value => (byte)value).ToArray());
        var exchange = from request in Gen.Frequency((3, attach), (1, detach), (5, map), (3, unmap), (1, probe), (1, garbage))
                       from room in Gen.Frequency((6, Gen.Constant(4)), (1, Gen.Choose(0, ReplyRoom)))
                       select new Exchange(request, room);
        return Gen.NonEmptyListOf(exchange).Select(list => list.ToArray());
    }

    private static IEnumerable<Exchange[]> Shorter(Exchange[] list) =>
        list.Length == 1 ? [] : Enumerable.Range(0, list.Length).Select(left => list.Where((_, i) => i != left).ToArray());

    private static List<string> Answers(DriverSide side, Exchange[] exchanges, int batch)
    {
        var answers = new List<string>();
        foreach (var group in exchanges.Chunk(batch)) answers.AddRange(side.Run(group));
        Assert.Equal(0xf, side.Machine.Status);
        return answers;
    }

    private abstract class DriverSide(Framing framing)
    {
        private const ulong Pages = 0x8000;

        public Machine Machine { get; } = Machine.WithPackedRings();

        /// <summary>Makes all available, notifies once; returns used length and the whole room of each.</summary>
        public IEnumerable<string> Run(Exchange[] exchanges)
        {
            for (int i = 0; i < exchanges.Length; i++) Offer(i, Elements(i, exchanges[i]));
            var lengths = Finish(exchanges.Length);
            return exchanges.Select((exchange, i) =>
                $"{lengths[i]} {Convert.ToHexString(Machine.Memory.Read(new(ReplyAt(i)), exchange.Room))}").ToList();
        }

        protected abstract void Offer(int index, Element[] elements);

        protected abstract uint[] Finish(int count);

        protected bool IsIndirect => framing == Framing.Indirect;

        protected static ulong TableAt(int index) => Pages + (0x400 * (ulong)index) + 0x200;

        private static ulong RequestAt(int index) => Pages + (0x400 * (ulong)index);

        private static ulong ReplyAt(int index) => RequestAt(index) + 0x100;

        private Element[] Elements(int index, Exchange exchange)
        {
            Machine.Memory.Write(new(RequestAt(index)), exchange.Request);
            Machine.Memory.Write(new(ReplyAt(index)), [.. Enumerable.Repeat(Ring.Poison, ReplyRoom)]);
            uint length = (uint)exchange.Request.Length;
            uint room = (uint)exchange.Room;
            return framing == Framing.Direct
                ? [new(RequestAt(index), length), new(ReplyAt(index), room, Ring.Writable)]
                :
                [
                    new(RequestAt(index), length / 3),
                    new(RequestAt(index) + (length / 3), length - (length / 3)),
                    new(ReplyAt(index), room / 2, Ring.Writable),
                    new(ReplyAt(index) + (room / 2), room - (room / 2), Ring.Writable),
                ];
        }
    }

    private sealed class SplitSide : DriverSide
    {
        private readonly Ring _ring;
        private ushort _used;

        public SplitSide(VirtioFeatures without, Framing framing)
            : base(framing) => _ring = Machine.Start(without | VirtioFeatures.RingPacked).Requests;

        protected override void Offer(int index, Element[] elements)
        {
            int head = 5 * index;
            for (int i = 0; i < elements.Length; i++)
            {
                var (address, length, flags) = elements[i];
                bool isLast = i == elements.Length - 1;
                if (!isLast) flags |= Ring.Next;
                int place = IsIndirect ? i : head + i;
                _ring.Describe(place, address, length, flags, (ushort)(place + 1), IsIndirect ? TableAt(index) : null);
            }

            if (IsIndirect) _ring.Describe(head, TableAt(index), (uint)(16 * elements.Length), Ring.Indirect);
            _ring.Offer((ushort)head);
        }

        protected override uint[] Finish(int count)
        {
            _ring.Notify();
            Assert.Equal((ushort)(_used + count), _ring.UsedIndex);
            return [.. Enumerable.Range(0, count).Select(i =>
            {
                var (id, length) = _ring.UsedElement(_used++);
                Assert.Equal((uint)(5 * i), id);
                return length;
            })];
        }
    }

    private sealed class PackedSide : DriverSide
    {
        private readonly PackedRing _ring;
        private readonly List<(int Slot, bool Wrap)> _offered = [];

        public PackedSide(VirtioFeatures without, Framing framing, ushort size)
            : base(framing) => _ring = Machine.StartPacked(without, size).Requests;

        protected override void Offer(int index, Element[] elements)
        {
            _offered.Add((_ring.Next, _ring.Wrap));
            if (!IsIndirect)
            {
                _ring.Offer((ushort)index, elements);
                return;
            }

            for (int i = 0; i < elements.Length; i++)
                _ring.Describe(i, elements[i].Address, elements[i].Length, 0, elements[i].Flags, TableAt(index));
            _ring.Offer((ushort)index, new Element(TableAt(index), (uint)(16 * elements.Length), Ring.Indirect));
        }

        protected override uint[] Finish(int count)
        {
            _ring.Notify();
            var lengths = _offered.Select((at, i) =>
            {
                var (id, length, flags) = _ring.UsedAt(at.Slot);
                Assert.Equal((ushort)i, id);
                Assert.Equal(PackedRing.UsedFlags(at.Wrap, length > 0 ? Ring.Writable : (ushort)0), flags);
                return length;
            }).ToArray();
            Assert.Equal(count, lengths.Length);
            _offered.Clear();
            return lengths;
        }
    }
}
