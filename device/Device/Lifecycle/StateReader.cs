using System.Buffers.Binary;

namespace Viommu.Device.Lifecycle;

/// <summary>
/// Reads a saved state that anybody may have written. The first fault is kept, and everything read after it is 0, so that what reads the
/// fields need not look for faults one by one; whoever repeats something as often as a field says has to look.
/// </summary>
internal ref struct StateReader
{
    private readonly ReadOnlySpan<byte> _state;
    private int _position;
    private int _end;

    public StateReader(ReadOnlySpan<byte> state)
    {
        _state = state;
        _position = StateFormat.HeaderSize;
        _end = state.Length - StateFormat.ChecksumSize;
        Error = CheckFrame(state);
    }

    /// <summary>The first fault.</summary>
    public StateError Error { get; private set; }

    public readonly bool IsFaulty => Error.Fault != StateFault.None;

    /// <summary>Where the next field begins.</summary>
    public readonly int Position => _position;

    /// <summary>Begins the next section, which has to be the one with this tag.</summary>
    public void Begin(ReadOnlySpan<byte> tag)
    {
        int start = _position;
        var found = Take(4);
        int length = (int)U32();
        if (IsFaulty) return;
        if (!found.SequenceEqual(tag)) Fail(StateFault.Section, start);
        else if (length < 0 || length > _end - _position) Fail(StateFault.SectionLength, start + 4);
        else _end = _position + length;
    }

    /// <summary>Ends the section: all of it has to have been read.</summary>
    public void End()
    {
        if (_position != _end) Fail(StateFault.SectionLength, _position);
        _end = _state.Length - StateFormat.ChecksumSize;
    }

    /// <summary>Ends the state: there has to be no other section.</summary>
    public void Finish()
    {
        if (_position != _end) Fail(StateFault.SectionLength, _position);
    }

    /// <summary>Keeps a fault, unless there is one already.</summary>
    public void Fail(StateFault fault, int offset)
    {
        if (!IsFaulty) Error = new(fault, offset);
    }

    public bool Flag()
    {
        int start = _position;
        byte value = U8();
        if (value > 1) Fail(StateFault.Value, start);
        return value == 1;
    }

    public byte U8() => Take(1)[0];

    public ushort U16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong U64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public void Bytes(Span<byte> into) => Take(into.Length).CopyTo(into);

    /// <summary>A number of elements that take at least so many bytes each: not more than there can be.</summary>
    public int Count(int smallest)
    {
        int start = _position;
        uint count = U32();
        if (count <= (uint)((_end - _position) / smallest)) return (int)count;
        Fail(StateFault.SectionLength, start);
        return 0;
    }

    /// <summary>An option that the device has to have been built with.</summary>
    public void Expect(ulong option)
    {
        int start = _position;
        if (U64() != option) Fail(StateFault.OtherDevice, start);
    }

    private static StateError CheckFrame(ReadOnlySpan<byte> state)
    {
        if (state.Length < StateFormat.HeaderSize + StateFormat.ChecksumSize) return new(StateFault.TooShort, state.Length);
        if (!state.StartsWith(StateFormat.Magic)) return new(StateFault.Magic, 0);
        // The reserved bytes behind the version belong to it: what they will mean only a later version knows.
        if (BinaryPrimitives.ReadUInt32LittleEndian(state[StateFormat.VersionOffset..]) != StateFormat.Version)
            return new(StateFault.Version, StateFormat.VersionOffset);
        if (BinaryPrimitives.ReadInt32LittleEndian(state[StateFormat.LengthOffset..]) != state.Length)
            return new(StateFault.Length, StateFormat.LengthOffset);
        int end = state.Length - StateFormat.ChecksumSize;
        bool isIntact = BinaryPrimitives.ReadUInt32LittleEndian(state[end..]) == StateFormat.Checksum(state[..end]);
        return isIntact ? default : new(StateFault.Checksum, end);
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (!IsFaulty && count > _end - _position) Fail(StateFault.SectionLength, _position);
        if (IsFaulty) return new byte[count];
        var taken = _state.Slice(_position, count);
        _position += count;
        return taken;
    }
}
