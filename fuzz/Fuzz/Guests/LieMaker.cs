using System.Buffers.Binary;
using Viommu.Conformance.Exploration;

namespace Viommu.Fuzz.Guests;

/// <summary>Makes the lies of a boot, from its seed alone.</summary>
internal sealed class LieMaker(RandomSource random)
{
    // More than a guest sends while it boots and its endpoints come and go a hundred times.
    private const int MostRequests = 4000;

    private const int PropertySpace = 512;

    private static readonly byte[] _statuses = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x7f, 0x80, 0xff];
    private static readonly ulong[] _numbers = [0, 1, 0xfff, 0x1000, 0xffff_f000, 0xffff_ffff, 0x1_0000_0000, 1UL << 47, (1UL << 63) - 1, 1UL << 63, ulong.MaxValue - 0xfff, ulong.MaxValue];

    // struct virtio_iommu_config (5.13.4): offset and length of each field.
    private static readonly (byte Offset, int Length)[] _fields = [(0, 8), (8, 8), (16, 8), (24, 4), (28, 4), (32, 4), (36, 1)];

    /// <summary>The lies, in the order in which they are told.</summary>
    public IReadOnlyList<Lie> Make()
    {
        var lies = new List<Lie>();

        // A guest that does not get as far as requests hears of nothing else.
        if (random.OneIn(4)) lies.Add(Config(0));
        int first = random.Pick(1, 1, 3, 8, 30, 100);
        int between = random.Pick(1, 3, 10, 50, 200);
        for (int request = first; request < MostRequests; request += 1 + random.Next(2 * between)) lies.Add(One(request));
        return lies;
    }

    private Lie One(int request) => random.Next(16) switch
    {
        < 5 => new(request, LieKind.Status, [random.Pick(_statuses)]),
        < 7 => new(request, LieKind.Used, [(byte)random.Pick(0, 1, 3, 4, 5, 255)]),
        < 11 => new(request, LieKind.Reply, Properties()),
        < 14 => new(request, LieKind.Report, Report()),
        < 15 => new(request, LieKind.Changed, [(byte)random.Pick(1, 1, 2, 200)]),
        _ => Config(request),
    };

    private Lie Config(int request)
    {
        var (offset, length) = random.Pick(_fields);
        return new(request, LieKind.Config, [offset, .. Number()[..length]]);
    }

    /// <summary>Properties as PROBE reports them (5.13.6.7), some of them in parts or out of all bounds.</summary>
    private byte[] Properties()
    {
        var area = new List<byte>();
        for (int left = random.Pick(1, 1, 2, 8, 40); left > 0 && area.Count < PropertySpace; left--)
        {
            ushort type = random.Pick<ushort>(1, 1, 1, 0, 2, 0xfff, 0x1001, 0xffff);
            ushort length = random.Pick<ushort>(20, 20, 20, 0, 1, 19, 21, 0x1f0, 0xffff);
            byte subtype = random.Pick<byte>(0, 1, 2, 0xff);
            area.AddRange([(byte)type, (byte)(type >> 8), (byte)length, (byte)(length >> 8), subtype, 0, 0, 0, .. Number(), .. Number()]);
        }

        return [.. area.Take(PropertySpace)];
    }

    /// <summary>struct virtio_iommu_fault (5.13.6.9), or something of another size.</summary>
    private byte[] Report()
    {
        byte reason = random.Pick<byte>(0, 1, 2, 3, 0xff);
        var flags = BitConverter.GetBytes((uint)random.Pick(0, 1, 2, 0x100, 0x107, -1));
        var endpoint = BitConverter.GetBytes((uint)random.Pick(0x20, 0x20, 0x28, 0, -1));
        byte[] whole = [reason, 0, 0, 0, .. flags, .. endpoint, 0, 0, 0, 0, .. Number()];
        return random.OneIn(6) ? whole[..random.Pick(1, 8, 23)] : whole;
    }

    private byte[] Number()
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, random.OneIn(4) ? random.Next64() : random.Pick(_numbers));
        return bytes;
    }
}
