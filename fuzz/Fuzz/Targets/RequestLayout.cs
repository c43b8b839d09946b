using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Targets;

/// <summary>The fields of requests (section 5.13.6), as mutation sees them, and values that make them meet each other.</summary>
internal static class RequestLayout
{
    public const int HeadSize = 4;
    public const byte Attach = 1;
    public const byte Detach = 2;
    public const byte Map = 3;
    public const byte Unmap = 4;
    public const byte Probe = 5;

    private static readonly ulong[] _domains = [0, 1, 1, 1, 2, 2, 3, TestBed.LastDomain, TestBed.LastDomain + 1, uint.MaxValue];

    private static readonly ulong[] _endpoints =
    [
        TestBed.FirstEndpoint, TestBed.FirstEndpoint, TestBed.SecondEndpoint, TestBed.SecondEndpoint, TestBed.ThirdEndpoint, TestBed.NoEndpoint,
    ];

    private static readonly ulong[] _starts =
    [
        0, 0x1000, 0x1000, 0x2000, 0x3000, 0x4000, 0x8000, TestBed.ReservedFirst, TestBed.ReservedLast + 1, TestBed.DoorbellFirst, TestBed.DoorbellLast + 1,
        TestBed.LastInput + 1, TestBed.LastInput - 0xfff, 0xffff_ffff_ffff_f000,
    ];

    private static readonly ulong[] _ends = [.. _starts.Select(start => unchecked(start - 1)), 0x1fff, 0x1fff, 0x2fff, 0x3fff, 0x8fff];

    private static readonly ulong[] _physical = [TestBed.Ram, TestBed.Ram, TestBed.Ram + 0x1000, TestBed.Ram + 0x2000, TestBed.Ram + 0x8000, 0, 0xffff_ffff_ffff_f000];

    // Where a device in bypass mode leads is the address itself; an access of several bytes can lie across a border.
    private static readonly ulong[] _accessed =
    [
        .. _starts, 0xff8, 0x1ff8, 0x2fff, TestBed.Ram, TestBed.Ram, TestBed.Ram + 0xff8, TestBed.Ram + 0x1ffc, TestBed.OverMemoryFirst, TestBed.OverMemoryLast,
        TestBed.ReservedFirst - 4, TestBed.DoorbellFirst - 4, TestBed.LastInput - 3, ulong.MaxValue - 7, ulong.MaxValue,
    ];

    /// <summary>The body of a request, which starts at <paramref name="at"/> with its head.</summary>
    public static Field[] Fields(byte type, int at) =>
    [
        new("head.reserved", at + 1, 1, FieldKind.Reserved),
        .. type switch
        {
            Attach =>
            [
                Domain(at + 4), Endpoint(at + 8), new Field("flags", at + 12, 4, FieldKind.Flags, 0, 0, 0, 1, 2), Reserved(at + 16, 4),
            ],
            Detach => [Domain(at + 4), Endpoint(at + 8), Reserved(at + 12, 8)],
            Map =>
            [
                Domain(at + 4), Start(at + 8), End(at + 16), new Field("phys_start", at + 24, 8, FieldKind.Start, _physical),
                new Field("flags", at + 32, 4, FieldKind.Flags, 0, 1, 2, 3, 3, 3, 4, 7, 8),
            ],
            Unmap => [Domain(at + 4), Start(at + 8), End(at + 16), Reserved(at + 24, 4)],
            Probe => new Field[] { Endpoint(at + 4), Reserved(at + 8, 8) },
            _ => [Domain(at + 4), Endpoint(at + 8)],
        },
    ];

    public static Field Domain(int offset) => new("domain", offset, 4, FieldKind.Choice, _domains);

    public static Field Endpoint(int offset) => new("endpoint", offset, 4, FieldKind.Choice, _endpoints);

    private static Field Start(int offset) => new("virt_start", offset, 8, FieldKind.Start, _starts);

    public static Field Accessed(int offset) => new("virt_start", offset, 8, FieldKind.Start, _accessed);

    private static Field End(int offset) => new("virt_end", offset, 8, FieldKind.End, _ends);

    private static Field Reserved(int offset, int width) => new("reserved", offset, width, FieldKind.Reserved);

    /// <summary>Length of a request of that type, in bytes: its readable part.</summary>
    public static int SizeOf(byte type) => type switch
    {
        Attach => 20,
        Detach => 20,
        Map => 36,
        Unmap => 28,
        Probe => 72,
        _ => 16,
    };
}
