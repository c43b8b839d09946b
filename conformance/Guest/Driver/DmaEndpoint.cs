using Viommu.Guest.Targets;

namespace Viommu.Guest.Driver;

/// <summary>
/// An endpoint's DMA, as a check uses it. The first half of the endpoint's buffer holds a pattern that is known; what it reads lands
/// in the second half, and is seen by storing it to memory through a window that is known to be reachable.
/// </summary>
public sealed class DmaEndpoint(IBusMaster master, Machine machine)
{
    private readonly byte[] pattern = MakePattern(master.EndpointId, master.BufferSize / 2);

    /// <summary>The endpoint ID.</summary>
    public uint Id => master.EndpointId;

    /// <summary>The longest access in bytes.</summary>
    public int Longest => pattern.Length;

    /// <summary>The bytes that <see cref="Write"/> puts on the bus.</summary>
    public ReadOnlySpan<byte> Pattern => pattern;

    /// <summary>
    /// Puts the pattern into the endpoint's buffer through <paramref name="iova"/>, which reaches the memory at
    /// <paramref name="backing"/> for reading and writing; false where it turns out not to.
    /// </summary>
    public bool TryPrime(ulong iova, ulong backing)
    {
        var ram = machine.Target.Ram;
        ram.Write(backing, pattern);
        master.Load(iova, 0, pattern.Length);
        ram.Write(backing, new byte[pattern.Length]);
        master.Store(iova, 0, pattern.Length);
        var stored = new byte[pattern.Length];
        ram.Read(backing, stored);
        return stored.AsSpan().SequenceEqual(pattern);
    }

    /// <summary>The endpoint writes the first <paramref name="length"/> bytes of its pattern at <paramref name="iova"/>.</summary>
    public void Write(ulong iova, int length)
    {
        machine.Journal.Add($"endpoint 0x{Id:x} writes {length} bytes at 0x{iova:x}");
        master.Store(iova, 0, length);
    }

    /// <summary>The endpoint reads <paramref name="length"/> bytes at <paramref name="iova"/>; <see cref="Spill"/> tells which.</summary>
    public void Read(ulong iova, int length)
    {
        machine.Journal.Add($"endpoint 0x{Id:x} reads {length} bytes at 0x{iova:x}");
        master.Load(iova, pattern.Length, length);
    }

    /// <summary>Stores the <paramref name="length"/> bytes read last through a window whose memory is at <paramref name="backing"/>, and returns them.</summary>
    public byte[] Spill(ulong window, ulong backing, int length)
    {
        master.Store(window, pattern.Length, length);
        var bytes = new byte[length];
        machine.Target.Ram.Read(backing, bytes);
        machine.Journal.Add($"endpoint 0x{Id:x} holds {Convert.ToHexStringLower(bytes)}");
        return bytes;
    }

    // Never zero, different for each endpoint, and no short stretch repeats. The bytes of a short access are all different: wherever one of
    // them turns up by itself, it tells which one it is.
    private static byte[] MakePattern(uint endpoint, int length)
    {
        const int OddBytes = 128;
        var bytes = new byte[length];
        uint mixed = unchecked(endpoint * 2654435761u);
        uint step = (mixed >> 8) | 1;
        for (uint i = 0; i < length; i++)
            bytes[i] = (byte)(i < OddBytes ? unchecked((i * step) + mixed) % OddBytes * 2 + 1 : (unchecked((i * 2654435761u) + (endpoint * 40503u)) >> 13) | 1);
        return bytes;
    }
}
