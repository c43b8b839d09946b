namespace Viommu.Device.Memory;

/// <summary>Guest memory that is one block of bytes at one guest-physical address.</summary>
public sealed class FlatGuestMemory : IGuestMemory
{
    private readonly ulong _first;
    private readonly byte[] _bytes;

    /// <summary>Makes <paramref name="size"/> zeroed bytes of memory that starts at <paramref name="first"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The size is not positive, or the block leaves the 64-bit space.</exception>
    public FlatGuestMemory(ulong first, int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, ulong.MaxValue - (ulong)(size - 1));
        _first = first;
        _bytes = new byte[size];
    }

    /// <summary>The guest-physical addresses that exist.</summary>
    public AddressRange Range => new(_first, _first + (ulong)(_bytes.Length - 1));

    /// <inheritdoc/>
    public bool TryRead(GuestAddress from, Span<byte> into)
    {
        if (!TryLocate(from, into.Length, out int index)) return false;
        _bytes.AsSpan(index, into.Length).CopyTo(into);
        return true;
    }

    /// <inheritdoc/>
    public bool TryWrite(GuestAddress to, ReadOnlySpan<byte> bytes)
    {
        if (!TryLocate(to, bytes.Length, out int index)) return false;
        bytes.CopyTo(_bytes.AsSpan(index));
        return true;
    }

    /// <summary>A copy of <paramref name="length"/> bytes starting at <paramref name="from"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not all of them exist.</exception>
    public byte[] Read(GuestAddress from, int length)
    {
        var copy = new byte[length];
        if (!TryRead(from, copy)) throw new ArgumentOutOfRangeException(nameof(from), $"{length} bytes at {from} are not all memory");
        return copy;
    }

    /// <summary>Copies <paramref name="bytes"/> to <paramref name="to"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not every byte has a place.</exception>
    public void Write(GuestAddress to, params byte[] bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        if (!TryWrite(to, bytes)) throw new ArgumentOutOfRangeException(nameof(to), $"{bytes.Length} bytes at {to} are not all memory");
    }

    // The distance from the first byte is compared, never the sum of address and length: that could leave 64 bits.
    private bool TryLocate(GuestAddress address, int length, out int index)
    {
        ulong distance = unchecked(address.Value - _first);
        bool exists = distance <= (ulong)_bytes.Length && (ulong)length <= (ulong)_bytes.Length - distance;
        index = exists ? (int)distance : 0;
        return exists;
    }
}
