namespace Viommu.Guest.Virtqueue;

/// <summary>struct virtq_desc (2.7.5), with any content.</summary>
public readonly record struct Descriptor(ulong Address, uint Length, DescriptorFlags Flags, ushort Next)
{
    /// <summary>Size in bytes.</summary>
    public const int Size = 16;
}

/// <summary>struct pvirtq_desc (2.8.13), with any content.</summary>
public readonly record struct PackedDescriptor(ulong Address, uint Length, ushort Id, DescriptorFlags Flags)
{
    /// <summary>Size in bytes.</summary>
    public const int Size = 16;
}

/// <summary>The flags of a descriptor.</summary>
[Flags]
public enum DescriptorFlags : ushort
{
    /// <summary>The last descriptor of a chain, device-readable.</summary>
    None = 0,

    /// <summary>VIRTQ_DESC_F_NEXT: the chain goes on, in a split ring at <see cref="Descriptor.Next"/>, in a packed one behind this descriptor.</summary>
    Next = 1,

    /// <summary>VIRTQ_DESC_F_WRITE: device-writable; in a used descriptor of a packed ring, that something was written.</summary>
    Write = 2,

    /// <summary>VIRTQ_DESC_F_INDIRECT: the buffer is a table of descriptors.</summary>
    Indirect = 4,

    /// <summary>VIRTQ_DESC_F_AVAIL (2.8.1): in packed rings alone.</summary>
    Available = 1 << 7,

    /// <summary>VIRTQ_DESC_F_USED (2.8.1): in packed rings alone.</summary>
    Used = 1 << 15,
}

/// <summary>One element of a buffer: contiguous guest memory, lent for reading or for writing.</summary>
public readonly record struct BufferElement(ulong Address, uint Length, bool IsWritable);

/// <summary>What the device says of a chain that it has used: struct virtq_used_elem (2.7.8), or a used descriptor of a packed ring.</summary>
/// <param name="Id">Head of the chain in a split ring, Buffer ID in a packed one.</param>
/// <param name="Length">Bytes the device says it wrote.</param>
public readonly record struct UsedElement(uint Id, uint Length);

/// <summary>How a request's bytes are cut into descriptors (2.7.4: the device must not care).</summary>
/// <param name="Readable">Lengths of the device-readable buffers; what is left of the request goes into a last one.</param>
/// <param name="Writable">Lengths of the device-writable buffers, likewise.</param>
/// <param name="Indirect">How many of the descriptors, counted from the end, go into an indirect table; in a packed ring none or all (2.8.5).</param>
public sealed record Framing(int[] Readable, int[] Writable, int Indirect = 0)
{
    /// <summary>One buffer for each direction, direct.</summary>
    public static Framing Plain { get; } = new([], []);

    /// <summary>Cuts <paramref name="total"/> bytes as asked; no buffer is empty.</summary>
    internal static IEnumerable<int> Cut(int total, int[] lengths)
    {
        foreach (var length in lengths)
        {
            var piece = Math.Min(length, total);
            if (piece <= 0) continue;
            yield return piece;
            total -= piece;
        }
        if (total > 0) yield return total;
    }
}
