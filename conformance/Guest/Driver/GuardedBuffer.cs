using Viommu.Guest.Targets;

namespace Viommu.Guest.Driver;

/// <summary>
/// Guest memory lent to the device with guard bytes on both sides, so that a write outside of it shows.
/// </summary>
public sealed class GuardedBuffer
{
    /// <summary>What memory lent for writing holds before the device writes it; no field of the spec reads back like this by accident.</summary>
    public const byte Poison = 0xa5;

    private const int GuardSize = 16;
    private const byte Guard = 0x5a;

    private readonly IGuestRam ram;
    private readonly byte[] lent;

    private GuardedBuffer(IGuestRam ram, ulong address, byte[] content)
    {
        this.ram = ram;
        Address = address;
        lent = content;
        var whole = new byte[content.Length + 2 * GuardSize];
        whole.AsSpan().Fill(Guard);
        content.CopyTo(whole, GuardSize);
        ram.Write(address - GuardSize, whole);
    }

    /// <summary>Guest-physical address of the first lent byte.</summary>
    public ulong Address { get; }

    /// <summary>Number of lent bytes.</summary>
    public int Length => lent.Length;

    /// <summary>Lends a copy of <paramref name="content"/>.</summary>
    public static GuardedBuffer Holding(IGuestRam ram, GuestHeap heap, byte[] content) =>
        new(ram, heap.Allocate((ulong)content.Length + 2 * GuardSize, 16) + GuardSize, content);

    /// <summary>Lends <paramref name="length"/> bytes of <see cref="Poison"/>.</summary>
    public static GuardedBuffer Poisoned(IGuestRam ram, GuestHeap heap, int length)
    {
        var content = new byte[length];
        content.AsSpan().Fill(Poison);
        return Holding(ram, heap, content);
    }

    /// <summary>What the memory holds now.</summary>
    public byte[] Read()
    {
        var now = new byte[lent.Length];
        ram.Read(Address, now);
        return now;
    }

    /// <summary>Names the first guard byte that changed; null where all are intact.</summary>
    public string? FindDamage()
    {
        Span<byte> guard = stackalloc byte[GuardSize];
        ram.Read(Address - GuardSize, guard);
        var at = guard.IndexOfAnyExcept(Guard);
        if (at >= 0) return $"a byte was written {GuardSize - at} before the buffer at 0x{Address:x}";
        ram.Read(Address + (ulong)lent.Length, guard);
        at = guard.IndexOfAnyExcept(Guard);
        return at < 0 ? null : $"a byte was written {at} past the end of the {lent.Length}-byte buffer at 0x{Address:x}";
    }

    /// <summary>True while the lent bytes are what they were when they were lent.</summary>
    public bool IsUnchanged() => Read().AsSpan().SequenceEqual(lent);
}
