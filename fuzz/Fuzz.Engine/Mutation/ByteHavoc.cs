namespace Viommu.Fuzz.Engine.Mutation;

/// <summary>Changes byte strings without knowing what they mean.</summary>
internal sealed class ByteHavoc(ValueDictionary dictionary, Random64 random)
{
    /// <summary>
    /// Makes one change to the first <paramref name="length"/> bytes of <paramref name="bytes"/>, which has room for as many as there can
    /// be; returns the new length.
    /// </summary>
    public int Change(Span<byte> bytes, int length, ReadOnlySpan<byte> other)
    {
        if (length == 0) return Insert(bytes, 0);
        switch (random.Below(14))
        {
            case 0: bytes[random.Below(length)] ^= (byte)(1 << random.Below(8)); return length;
            case 1: bytes[random.Below(length)] = (byte)random.Next(); return length;
            case 2: bytes[random.Below(length)] += (byte)(1 + random.Below(16)); return length;
            case 3: bytes[random.Below(length)] -= (byte)(1 + random.Below(16)); return length;
            case 4 or 5: WriteNumber(bytes[..length]); return length;
            case 6: return Remove(bytes, length);
            case 7: return Insert(bytes, length);
            case 8: return Repeat(bytes, length);
            case 9 or 10: return PutToken(bytes, length);
            case 11: return Splice(bytes, length, other);
            case 12: return CrossOver(bytes, length, other);
            default: Copy(bytes[..length]); return length;
        }
    }

    private void WriteNumber(Span<byte> bytes)
    {
        int width = 1 << random.Below(4);
        if (width > bytes.Length) return;
        var place = bytes.Slice(random.Below(bytes.Length - width + 1), width);
        ulong now = FieldMutator.Read(place);
        FieldMutator.Write(place, random.Below(4) switch
        {
            0 => now + (ulong)(1 + random.Below(32)),
            1 => now - (ulong)(1 + random.Below(32)),
            2 => (1UL << random.Below(8 * width)) - (ulong)random.Below(2),
            _ => dictionary.Pick(random),
        });
    }

    private int Remove(Span<byte> bytes, int length)
    {
        int at = random.Below(length);
        int count = Math.Min(1 + random.Below(random.OneIn(4) ? length : 8), length - at);
        bytes[(at + count)..length].CopyTo(bytes[at..]);
        return length - count;
    }

    private int Insert(Span<byte> bytes, int length)
    {
        int at = random.Below(length + 1);
        int count = Open(bytes, length, at, 1 + random.Below(8));
        for (int i = 0; i < count; i++) bytes[at + i] = (byte)random.Next();
        return length + count;
    }

    private int Repeat(Span<byte> bytes, int length)
    {
        int from = random.Below(length);
        int count = Math.Min(1 + random.Below(32), length - from);
        // Behind the original, so that opening room does not move it.
        int at = from + count;
        count = Open(bytes, length, at, count);
        bytes.Slice(from, count).CopyTo(bytes[at..]);
        return length + count;
    }

    private int PutToken(Span<byte> bytes, int length)
    {
        var tokens = dictionary.Tokens;
        if (tokens.Length == 0)
        {
            WriteNumber(bytes[..length]);
            return length;
        }

        ReadOnlySpan<byte> token = tokens[random.Below(tokens.Length)];
        int at = random.Below(length + 1);
        if (random.OneIn(2))
        {
            token = token[..Math.Min(token.Length, length - at)];
            token.CopyTo(bytes[at..]);
            return length;
        }

        int count = Open(bytes, length, at, token.Length);
        token[..count].CopyTo(bytes[at..]);
        return length + count;
    }

    private int Splice(Span<byte> bytes, int length, ReadOnlySpan<byte> other)
    {
        if (other.IsEmpty) return length;
        int from = random.Below(other.Length);
        int at = random.Below(length + 1);
        int count = Open(bytes, length, at, Math.Min(1 + random.Below(other.Length - from), 256));
        other.Slice(from, count).CopyTo(bytes[at..]);
        return length + count;
    }

    private int CrossOver(Span<byte> bytes, int length, ReadOnlySpan<byte> other)
    {
        if (other.IsEmpty) return length;
        int keep = random.Below(length + 1);
        int from = random.Below(other.Length);
        int count = Math.Min(other.Length - from, bytes.Length - keep);
        other.Slice(from, count).CopyTo(bytes[keep..]);
        return keep + count;
    }

    private void Copy(Span<byte> bytes)
    {
        int from = random.Below(bytes.Length);
        int to = random.Below(bytes.Length);
        int count = Math.Min(1 + random.Below(16), bytes.Length - Math.Max(from, to));
        bytes.Slice(from, count).CopyTo(bytes[to..]);
    }

    private static int Open(Span<byte> bytes, int length, int at, int count)
    {
        count = Math.Min(count, bytes.Length - length);
        bytes[at..length].CopyTo(bytes[(at + count)..]);
        return count;
    }
}
