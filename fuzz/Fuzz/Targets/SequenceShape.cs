using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Targets;

/// <summary>What a step of a program does.</summary>
internal enum StepKind : byte
{
    Attach = 0,
    Detach = 1,
    Map = 2,
    Unmap = 3,
    Probe = 4,
    Raw = 5,
    DmaRead = 6,
    DmaWrite = 7,
    WriteBypass = 8,
    DeviceReset = 9,
    SystemReset = 10,
}

/// <summary>
/// The layout of programs. Header: features wanted (8), test bed (1), zero (7). Step: kind (1), framing (1), writable length (2, all ones
/// for what the request needs), then 36 bytes: those of the request, or the operands of what is no request.
/// </summary>
internal static class SequenceShape
{
    public const int HeaderSize = 16;
    public const int StepSize = 40;
    public const int MaximumSteps = 64;
    public const int KindCount = 11;
    public const int BedOffset = 8;
    public const int FramingOffset = 1;
    public const int WritableOffset = 2;
    public const int BodyOffset = 4;
    public const int BodySize = StepSize - BodyOffset;
    public const ushort NaturalWritable = 0xffff;

    /// <summary>Operand of DMA steps: endpoint, address, length.</summary>
    public const int DmaEndpoint = BodyOffset;
    public const int DmaAddress = BodyOffset + 4;
    public const int DmaLength = BodyOffset + 12;

    /// <summary>Operand of raw steps: how many of the bytes are sent.</summary>
    public const int RawBytes = BodyOffset + 4;
    public const int MaximumRaw = BodySize - 4;

    /// <summary>Operand of resets: features wanted from then on.</summary>
    public const int ResetFeatures = BodyOffset;

    /// <summary>The longest access, in bytes.</summary>
    public const int MaximumDma = 24;

    private static readonly ulong[] _features = [ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, ~4UL, ~16UL, ~64UL, ~32UL, ~(1UL << 28), ~(1UL << 29), ~(1UL << 35), 4, 0];
    private static readonly ulong[] _writables = [NaturalWritable, NaturalWritable, NaturalWritable, NaturalWritable, 0, 3, 4, 5, TestBed.ProbeSize, TestBed.ProbeSize + 3, TestBed.ProbeSize + 5, 512];

    private static readonly Field _framing = new("framing", FramingOffset, 1, FieldKind.Choice, 0, 0, 0, 1, 2, 3);
    private static readonly Field _writable = new("writable", WritableOffset, 2, FieldKind.Choice, _writables);

    public static InputShape Shape { get; } = new()
    {
        HeaderSize = HeaderSize,
        RecordSize = StepSize,
        MaximumRecords = MaximumSteps,
        Header =
        [
            new("features", 0, 8, FieldKind.Flags, _features),
            new("bed", BedOffset, 1, FieldKind.Choice, [.. Enumerable.Range(0, TestBed.Count).Select(bed => (ulong)bed)]),
        ],
        Kinds =
        [
            Request("attach", 6, RequestLayout.Attach),
            Request("detach", 2, RequestLayout.Detach),
            Request("map", 10, RequestLayout.Map),
            Request("unmap", 5, RequestLayout.Unmap),
            Request("probe", 1, RequestLayout.Probe),
            new("raw", 1, _framing, _writable,
                new("length", BodyOffset, 1, FieldKind.Choice, 0, 3, 4, 20, 28, 32),
                new("type", RawBytes, 1, FieldKind.Choice, 0, 1, 2, 3, 4, 5, 6, 0x40, 0xff)),
            Dma("dma-read"),
            Dma("dma-write"),
            new("bypass", 1, new Field("value", BodyOffset, 1, FieldKind.Choice, 0, 1, 1, 2, 255)),
            new("reset", 1, new Field("features", ResetFeatures, 8, FieldKind.Flags, _features)),
            new("system-reset", 1, new Field("features", ResetFeatures, 8, FieldKind.Flags, _features)),
        ],
    };

    private static RecordKind Request(string name, int weight, byte type) =>
        new(name, weight, [.. RequestLayout.Fields(type, BodyOffset), _framing, _writable]);

    private static RecordKind Dma(string name) => new(name, 4,
        RequestLayout.Endpoint(DmaEndpoint),
        RequestLayout.Accessed(DmaAddress),
        new("length", DmaLength, 1, FieldKind.Choice, 1, 1, 2, 8, 16, MaximumDma));
}
