namespace Viommu.Fuzz.Queues;

/// <summary>A request that a device may have in hand. There is one for each slot, and each is used again and again.</summary>
internal sealed class LentRequest(int slot)
{
    /// <summary>Its place in memory.</summary>
    public int Slot => slot;

    public bool IsLent { get; set; }

    /// <summary>What names it when it is used: the head in a split ring, the Buffer ID in a packed one.</summary>
    public ushort Id { get; set; }

    /// <summary>Descriptors of the ring that it takes.</summary>
    public int Entries { get; set; }

    public int ReadableLength { get; set; }

    public int WritableLength { get; set; }

    /// <summary>True where a part of it is in an indirect table.</summary>
    public bool IsInTable { get; set; }

    /// <summary>True where a device may find it too long to be served (SPLIT-FRAMING-D-02, PACKED-SG-D-02).</summary>
    public bool IsLong { get; set; }

    /// <summary>The clause that a device breaks which takes its pieces for something else.</summary>
    public string Clause { get; set; } = "";

    /// <summary>The used length that the twin has foretold; negative before it was asked.</summary>
    public int Foretold { get; set; } = -1;

    /// <summary>The bytes that it has foretold.</summary>
    public byte[] Answer { get; } = new byte[QueueLayout.MostWritable];

    /// <summary>Descriptors of a split ring that are free once it was used.</summary>
    public ushort[] Taken { get; } = new ushort[QueueLayout.MostPieces + 1];
}

/// <summary>A part of a request that has a descriptor of its own.</summary>
internal readonly record struct Piece(int Offset, int Length, bool IsWritable);
