using Viommu.Fuzz.Engine.Mutation;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Rings;

/// <summary>What a step of a ring program does.</summary>
internal enum RingStep : byte
{
    /// <summary>Writes a descriptor, of a ring or an indirect table.</summary>
    Descriptor = 0,

    /// <summary>Writes an entry of the available ring, and perhaps moves its index on.</summary>
    Offer = 1,

    /// <summary>Writes 16 bits anywhere in the areas that the driver owns.</summary>
    Poke = 2,

    /// <summary>Writes a request into a buffer.</summary>
    Request = 3,

    /// <summary>Notifies the device.</summary>
    Notify = 4,

    /// <summary>Has an endpoint make an access that is reported.</summary>
    Provoke = 5,

    /// <summary>Writes a well-formed chain with a request in it, makes it available and notifies.</summary>
    Submit = 6,
}

/// <summary>
/// The layout of ring programs. Header: features wanted (8), queue size as a power of two (1), zero (7). Step: kind (1), queue and table (1),
/// index (2), length (4), address (8), flags (2), next or id (2), value (4).
/// </summary>
internal static class RingShape
{
    public const int HeaderSize = 16;
    public const int StepSize = 24;
    public const int KindCount = 7;
    public const int SizeOffset = 8;
    public const int LargestSize = 16;

    public const int Table = 1;
    public const int Index = 2;
    public const int Length = 4;
    public const int Address = 8;
    public const int Flags = 16;
    public const int NextOrId = 18;
    public const int Value = 20;

    private static readonly ulong[] _features = [ulong.MaxValue, Features.IndirectDesc, Features.EventIdx, Features.InOrder, Features.IndirectDesc | Features.EventIdx, 0];

    private static readonly ulong[] _addresses =
    [
        .. Enumerable.Range(0, 4).Select(i => RingMachine.At(RingMachine.ReadableBuffers + (i * 128))),
        .. Enumerable.Range(0, 4).Select(i => RingMachine.At(RingMachine.WritableBuffers + (i * 128))),
        RingMachine.At(RingMachine.IndirectTable), RingMachine.At(RingMachine.IndirectTable), RingMachine.At(RingMachine.IndirectTable + 32),
        RingMachine.At(RingMachine.Descriptors), RingMachine.At(RingMachine.DriverArea), RingMachine.At(RingMachine.DeviceArea),
        RingMachine.At(RingMachine.MemorySize - 8), RingMachine.At(RingMachine.MemorySize), RingMachine.At(-4 + RingMachine.Descriptors),
        0, 0xffff_ffff_ffff_fff0,
    ];

    public static InputShape For(bool isPacked) => new()
    {
        HeaderSize = HeaderSize,
        RecordSize = StepSize,
        MaximumRecords = 48,
        Header =
        [
            new("features", 0, 8, FieldKind.Flags, _features),
            new("size", SizeOffset, 1, FieldKind.Choice, 0, 1, 2, 3, 4, 4),
        ],
        Kinds =
        [
            new("descriptor", 8, Where, Slot, new("length", Length, 4, FieldKind.Number, 0, 4, 16, 20, 32, 36, 64, 100, 0xffff_ffff), Place,
                new("flags", Flags, 2, FieldKind.Flags, isPacked ? [0, 1, 2, 3, 0x80, 0x81, 0x82, 0x84, 0x8000, 0x8001, 0x8002] : [0, 1, 2, 3, 4, 5]),
                new("next", NextOrId, 2, FieldKind.Number, 0, 1, 2, 3, 4, 15, 16)),
            new("offer", isPacked ? 1 : 4, Where, Slot, new("move", Value, 4, FieldKind.Choice, 0, 1, 1, 1, 1, 1, 1, 2, 3, 16, 17)),
            new("poke", 2, Where, new("offset", Index, 2, FieldKind.Number, 0, 2, 4, 6, 36, 512, 514), new("value", Value, 4, FieldKind.Number, 0, 1, 2, 0x8000, 0xffff)),
            new("request", 2, new("buffer", Index, 2, FieldKind.Choice, 0, 1, 2, 3), new("type", Value, 4, FieldKind.Choice, 1, 2, 3, 4, 5, 6)),
            new("notify", 4, Where),
            new("provoke", 1, Place),
            new("submit", 4, Where, Slot, new("type", Value, 4, FieldKind.Choice, 1, 2, 3, 4, 5, 6), new("writable", Length, 4, FieldKind.Choice, 0, 4, 4, 24, 24, 100),
                new("flags", Flags, 2, FieldKind.Choice, 0, 1, 2, 3)),
        ],
    };

    private static Field Where => new("where", Table, 1, FieldKind.Choice, 0, 0, 0, 1, 2);

    private static Field Slot => new("index", Index, 2, FieldKind.Choice, 0, 1, 2, 3, 4, 15);

    private static Field Place => new("address", Address, 8, FieldKind.Start, _addresses);
}
