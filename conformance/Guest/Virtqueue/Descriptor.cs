namespace Viommu.Guest.Virtqueue;

/// <summary>struct virtq_desc (2.7.5), with any content.</summary>
public readonly record struct Descriptor(ulong Address, uint Length, DescriptorFlags Flags, ushort Next)
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

    /// <summary>VIRTQ_DESC_F_NEXT: the chain goes on at <see cref="Descriptor.Next"/>.</summary>
    Next = 1,

    /// <summary>VIRTQ_DESC_F_WRITE: device-writable.</summary>
    Write = 2,

    /// <summary>VIRTQ_DESC_F_INDIRECT: the buffer is a table of descriptors.</summary>
    Indirect = 4,
}

/// <summary>struct virtq_used_elem (2.7.8).</summary>
/// <param name="Id">Head of the chain that was used.</param>
/// <param name="Length">Bytes the device says it wrote.</param>
public readonly record struct UsedElement(uint Id, uint Length);

/// <summary>How a request's bytes are cut into descriptors (2.7.4: the device must not care).</summary>
/// <param name="Readable">Lengths of the device-readable buffers; what is left of the request goes into a last one.</param>
/// <param name="Writable">Lengths of the device-writable buffers, likewise.</param>
/// <param name="Indirect">How many of the descriptors, counted from the end, go into an indirect table.</param>
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
