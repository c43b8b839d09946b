using System.Buffers.Binary;
using Viommu.Conformance.Watching.Registers;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Traces;

/// <summary>
/// A byte-exact trace of a virtio-iommu PCI function: one JSON object a line, register accesses (<c>rd</c>, <c>wr</c>) by region and offset,
/// and requests (<c>req</c>) with their device-readable bytes, as the device took them and returned them. What the guest wrote to the rings
/// is not in it, and accesses to configuration space are those of the machine as well as the driver's.
/// </summary>
internal sealed class RawTrace : ITraceParser
{
    private const uint ConfigurationRegion = 7;
    private const uint LastBar = 5;
    private const int ConfigurationSize = 4096;
    private const int LongestRequest = 1 << 16;

    private readonly Action<Observation> see;
    private readonly DriverHistory driver = new();
    private readonly PciDecoder decoder;
    private readonly byte[] configuration = new byte[ConfigurationSize];
    private PciLayout? layout;

    public RawTrace(Action<Observation> see)
    {
        this.see = see;
        decoder = new PciDecoder(driver);
        driver.Apply(new SessionStarted("", Transport, Sees));
    }

    public WatchedTransport Transport => WatchedTransport.Pci;

    public Sight Sees => Sight.Status | Sight.Registers | Sight.Requests | Sight.RequestBytes | Sight.Chains | Sight.Answers;

    public long Recognised { get; private set; }

    // Found when registers are used for the first time: the capability list has been read by then, if it is in the trace at all.
    private PciLayout Layout => layout ??= configuration[0x34] == 0 ? PciLayout.Default : PciLayout.Read(ReadConfiguration);

    public void Line(string text, string where)
    {
        var record = RawRecord.Parse(text);
        switch (record.Text("op"))
        {
            case "rd":
                Access(record, isWrite: false, where);
                break;
            case "wr":
                Access(record, isWrite: true, where);
                break;
            case "req":
                TakeRequest(record, where);
                break;
            case var other:
                throw new FormatException($"unknown op '{other}'; there are rd, wr and req");
        }
        Recognised++;
    }

    private void Access(RawRecord record, bool isWrite, string where)
    {
        var (region, offset) = (record.Number("region"), record.Number("off"));
        if (region == ConfigurationRegion)
        {
            var bytes = record.Bytes("data", 1, ConfigurationSize);
            if (offset + (ulong)bytes.Length > ConfigurationSize) throw new FormatException($"{bytes.Length} bytes at {offset} are not all configuration space");
            if (!isWrite) bytes.CopyTo(configuration, offset);
            return;
        }
        var data = record.Bytes("data", 1, 8);
        if (region > LastBar || Layout.Find((int)region, offset) is not { } structure) return;
        Span<byte> value = stackalloc byte[8];
        value.Clear();
        data.CopyTo(value);
        var access = new RegisterAccess(structure.Space, offset - structure.Offset, data.Length, BinaryPrimitives.ReadUInt64LittleEndian(value), isWrite) { Where = where };
        Tell(access);
        foreach (var seen in decoder.Decode(access)) Tell(seen with { Where = where });
    }

    private void TakeRequest(RawRecord record, string where)
    {
        var (queue, head, isIndirect) = ((int)record.Number("q", ushort.MaxValue), (ushort)record.Number("head", ushort.MaxValue), record.Flag("indirect"));
        var (readable, writable) = (record.Numbers("out"), record.Numbers("inp"));
        var sent = record.Bytes("req", 0, LongestRequest);
        var (length, tail) = (record.Number("used_len"), record.Bytes("tail", 0, Request.TailSize));
        var total = readable.Aggregate(0UL, (sum, part) => sum + part);
        if (total != (ulong)sent.Length) throw new FormatException($"field 'req' has {sent.Length} bytes, and 'out' says {total}");

        var chain = new Chain(queue, head, Elements(head, isIndirect, readable, writable))
        {
            Readable = sent,
            WritableLength = writable.Aggregate(0UL, (sum, part) => sum + part),
        };
        Tell(new ChainAvailable(chain) { Where = where });
        if (queue != 0)
        {
            Tell(new ChainUsed(chain, queue, head, length, []) { Where = where });
            return;
        }
        var request = SentRequest.Decode(sent, chain.WritableLength);
        Tell(new RequestSent(request, chain) { Where = where });
        Tell(new ChainUsed(chain, queue, head, length, []) { Where = where });
        var reachesTail = chain.WritableLength >= Request.TailSize && length > chain.WritableLength - Request.TailSize && tail.Length == Request.TailSize;
        Tell(new RequestAnswered(request, chain, new Outcome(reachesTail ? (RequestStatus)tail[0] : null, length, [])) { Where = where });
    }

    private static List<ChainElement> Elements(ushort head, bool isIndirect, IReadOnlyList<uint> readable, IReadOnlyList<uint> writable)
    {
        var elements = new List<ChainElement>();
        var count = readable.Count + writable.Count;
        if (isIndirect) elements.Add(new ChainElement(head, new RingDescriptor(0, (uint)count * Descriptor.Size, DescriptorFlags.Indirect, 0), IsInTable: false));
        for (var i = 0; i < count; i++)
        {
            var isWritable = i >= readable.Count;
            var flags = (isWritable ? DescriptorFlags.Write : 0) | (i + 1 < count ? DescriptorFlags.Next : 0);
            elements.Add(new ChainElement(i, new RingDescriptor(0, isWritable ? writable[i - readable.Count] : readable[i], flags, (ushort)(i + 1)), isIndirect));
        }
        return elements;
    }

    private uint ReadConfiguration(int offset, int width)
    {
        uint value = 0;
        for (var i = 0; i < width && offset + i < ConfigurationSize; i++) value |= (uint)configuration[offset + i] << 8 * i;
        return value;
    }

    private void Tell(Observation seen)
    {
        see(seen);
        driver.Apply(seen);
    }
}
