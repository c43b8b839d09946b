using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Queues;

/// <summary>Where everything is in the memory of a <see cref="QueueMachine"/>, as offsets.</summary>
internal static class QueueLayout
{
    public const int MemorySize = 0x1_0000;

    /// <summary>The longest ring, and the most requests that are lent at once.</summary>
    public const int LargestSize = 64;

    /// <summary>The areas of a ring, from its place on.</summary>
    public const int DriverArea = 0x400;
    public const int DeviceArea = 0x600;
    public const int PlaceSize = 0x1000;

    /// <summary>A ring that was reset can come to the other place.</summary>
    public const int PlaceCount = 2;

    /// <summary>Where messages of MSI-X go.</summary>
    public const int Messages = 0x2000;
    public const int MessagesSize = 8;

    /// <summary>The most descriptors that one request is cut into.</summary>
    public const int MostPieces = 32;

    /// <summary>The longest answer that there is room for.</summary>
    public const int MostWritable = 0x80;

    private const int Slots = 0x4000;
    private const int SlotSize = 0x100;
    private const int WritablePart = 0x60;
    private const int Tables = 0x8000;
    private const int TableSize = 16 * MostPieces;

    /// <summary>The readable part of the request in a slot.</summary>
    public static int Readable(int slot) => Slots + (SlotSize * slot);

    /// <summary>The writable part of the request in a slot.</summary>
    public static int Writable(int slot) => Slots + (SlotSize * slot) + WritablePart;

    /// <summary>The indirect table of a slot.</summary>
    public static int Table(int slot) => Tables + (TableSize * slot);

    /// <summary>The guest-physical address of an offset.</summary>
    public static ulong At(int offset) => ShadowedMemory.First + (uint)offset;
}
