using System.Buffers.Binary;
using Viommu.Conformance.Selftest;
using Viommu.Device.Iommu;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Workload;

/// <summary>Devices whose answers, properties, reports and configuration hold what a driver has to ignore.</summary>
internal static class StrangeAnswers
{
    public const string TailJunk = "junk in tails";
    public const string Unwritten = "unwritten answers";
    public const string BypassJunk = "junk in bypass";
    public const string Reports = "strange fault reports";
    public const string MovingGeneration = "a configuration that changes while it is read";
    public const string UnknownProperty = "a property of unknown type";
    public const string LongProperty = "a region that is longer than it has to be";
    public const string ReservedProperty = "a property with reserved bits";
    public const string UnknownSubtype = "a region of unknown subtype";
    public const string ReservedRegionBytes = "junk in the reserved bytes of a region";

    // Clear of what the model itself reserves, and of what the workload maps.
    private static readonly (ulong Start, ulong End) First = (0x7000_0000, 0x7000_ffff);
    private static readonly (ulong Start, ulong End) Second = (0x7800_0000, 0x7800_ffff);

    public static IEnumerable<Scenario> All() =>
    [
        new(TailJunk, Use) { Misbehaviour = Misbehaving.Requests(device => new RequestInterceptor(device, LeaveJunkInTail)) },
        new(Unwritten, user =>
        {
            user.Start();
            user.Probe(user.Endpoints[0]);
            user.Ask(new AttachRequest(user.Domain(0), user.Endpoints[0]));
        })
        { Misbehaviour = Misbehaving.Requests(device => new RequestInterceptor(device, (_, _, _) => 0)) },
        new(BypassJunk, user =>
        {
            user.Start();
            user.Stop();
        })
        { Misbehaviour = Misbehaving.Requests(device => new JunkInBypass(device)) },
        new(Reports, TakeReports) { Misbehaviour = Misbehaving.Requests(device => new StrangeReports(device)) },
        new(MovingGeneration, Use) { Misbehaviour = Misbehaving.Requests(device => new ChangesWhileRead(device)) },
        Properties(UnknownProperty, [.. Header(0x7ff, 8), .. new byte[8], .. Region(Second)]),
        Properties(LongProperty, [.. Region(First, extra: 12), .. Region(Second)]),
        Properties(ReservedProperty, [.. Region(First, reservedBits: 0xa), .. Region(Second)]),
        Properties(UnknownSubtype, [.. Region(First, subtype: 2), .. Region(Second, subtype: 0xff)]),
        Properties(ReservedRegionBytes, [.. Region(First, junk: 0xa5), .. Region(Second)]),
    ];

    private static void Use(GuestUser user)
    {
        user.Start();
        user.AttachAll(user.Domain(0));
        user.Unmap(user.Domain(0), user.Map(user.Domain(0)).Virtual);
        user.Map(user.Domain(0));
        user.Stop();
    }

    private static void TakeReports(GuestUser user)
    {
        user.Start();
        user.AttachAll(user.Domain(0));
        for (var i = 0; i < StrangeReports.Kinds; i++) user.Machine.Target.BusMasters[0].Store(user.Virtual(1), 0, 4);
        user.TakeFaults();
        user.Stop();
    }

    private static int LeaveJunkInTail(byte[] request, Span<byte> reply, NextHandler next)
    {
        var used = next(request, reply);
        if (used >= Request.TailSize) reply[(used - 3)..used].Fill(0xee);
        return used;
    }

    private static Scenario Properties(string name, byte[] properties) => new(name, Use)
    {
        Misbehaviour = Misbehaving.Requests(device => new RequestInterceptor(device, (request, reply, next) =>
        {
            var used = next(request, reply);
            if (request[0] != RequestType.Probe || used < properties.Length + Request.TailSize) return used;
            reply[..(used - Request.TailSize)].Clear();
            properties.CopyTo(reply);
            return used;
        })),
    };

    // struct virtio_iommu_probe_property (5.13.6.7): type in the lower 12 bits of a word, then the length of what follows.
    private static byte[] Header(ushort type, ushort length) => [(byte)type, (byte)(type >> 8), (byte)length, (byte)(length >> 8)];

    // struct virtio_iommu_probe_resv_mem (5.13.6.8.1).
    private static byte[] Region((ulong Start, ulong End) range, byte subtype = 0, byte reservedBits = 0, byte junk = 0, ushort extra = 0)
    {
        var value = new byte[20 + extra];
        (value[0], value[1], value[2], value[3]) = (subtype, junk, junk, junk);
        BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(4), range.Start);
        BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(12), range.End);
        return [.. Header((ushort)(1 | reservedBits << 12), (ushort)value.Length), .. value];
    }

    private sealed class JunkInBypass(IommuDevice device) : Interceptor(device)
    {
        public override void ReadConfig(int offset, Span<byte> into)
        {
            base.ReadConfig(offset, into);
            var at = IommuConfig.BypassOffset - offset;
            if (at >= 0 && at < into.Length) into[at] = 0xf0;
        }
    }

    /// <summary>Moves the generation once, between the halves of the first field.</summary>
    private sealed class ChangesWhileRead(IommuDevice device) : Interceptor(device)
    {
        private bool changed;

        public override void ReadConfig(int offset, Span<byte> into)
        {
            base.ReadConfig(offset, into);
            if (changed || offset != 4) return;
            changed = true;
            ConfigChanged();
        }
    }

    /// <summary>Changes one field of each fault report, another one each time.</summary>
    private sealed class StrangeReports(IommuDevice device) : Interceptor(device)
    {
        public const int Kinds = 5;

        private int count;

        public override bool TryReport(int queue, ReadOnlySpan<byte> report)
        {
            var changed = report.ToArray();
            switch (count++ % Kinds)
            {
                case 0:
                    changed[2] = 1; // reserved
                    break;
                case 1:
                    changed[13] = 0x5a; // reserved1
                    break;
                case 2:
                    changed[4] |= 0x80; // an undefined flag, bit 7
                    changed[7] |= 0x80; // and bit 31
                    break;
                case 3:
                    changed[0] = 3; // a reason behind the last one
                    break;
            }
            return base.TryReport(queue, changed);
        }
    }
}
