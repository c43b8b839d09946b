using Viommu.Device.Memory;

namespace Viommu.Conformance.Selftest;

/// <summary>
/// Guest memory of a split ring in which either the used element or the answer arrives some time after the used.idx that counts it: a
/// device without the barriers that it needs.
/// </summary>
/// <remarks>
/// The reference device writes a plain answer as four bytes, then the used element as eight, then used.idx together with the flags as
/// four. Longer answers are left alone.
/// </remarks>
internal sealed class LateMemory(IGuestMemory inner, bool lateElement) : IGuestMemory
{
    private const int Word = 4, Element = 8;

    // Long enough for a thread that looks all the time to look, on a machine that has other things to do.
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(20);

    private (GuestAddress To, byte[] Bytes)? held;
    private bool isIndexNext;

    public bool TryRead(GuestAddress from, Span<byte> into) => inner.TryRead(from, into);

    public bool TryWrite(GuestAddress to, ReadOnlySpan<byte> bytes)
    {
        var isIndex = bytes.Length == Word && isIndexNext;
        isIndexNext = bytes.Length == Element || (isIndexNext && !isIndex);
        if (held is null && !isIndex && bytes.Length == (lateElement ? Element : Word))
        {
            held = (to, bytes.ToArray());
            return true;
        }
        var isWritten = inner.TryWrite(to, bytes);
        if (!isIndex || held is not { } late) return isWritten;
        Thread.Sleep(Delay);
        held = null;
        return inner.TryWrite(late.To, late.Bytes) && isWritten;
    }
}

/// <summary>Guest memory in which the last two of eight bytes arrive first: a used descriptor of a packed ring whose flags come before the rest.</summary>
internal sealed class FlagsFirstMemory(IGuestMemory inner) : IGuestMemory
{
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(20);

    public bool TryRead(GuestAddress from, Span<byte> into) => inner.TryRead(from, into);

    public bool TryWrite(GuestAddress to, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != 8 || !inner.TryWrite(new GuestAddress(to.Value + 6), bytes[6..])) return inner.TryWrite(to, bytes);
        Thread.Sleep(Delay);
        return inner.TryWrite(to, bytes[..6]);
    }
}
