using System.Buffers;
using System.Buffers.Binary;

namespace Viommu.Device.Lifecycle;

/// <summary>Writes a saved state: sections one after the other, each of little-endian fields.</summary>
internal sealed class StateWriter
{
    private readonly ArrayBufferWriter<byte> _sections = new();
    private readonly ArrayBufferWriter<byte> _section = new();

    /// <summary>Writes one section.</summary>
    /// <param name="tag">Its four letters.</param>
    /// <param name="write">Writes its contents to this writer.</param>
    public void Section(ReadOnlySpan<byte> tag, Action<StateWriter> write)
    {
        _section.ResetWrittenCount();
        write(this);
        _sections.Write(tag);
        BinaryPrimitives.WriteInt32LittleEndian(_sections.GetSpan(4), _section.WrittenCount);
        _sections.Advance(4);
        _sections.Write(_section.WrittenSpan);
    }

    public void Flag(bool value) => U8(value ? (byte)1 : (byte)0);

    public void U8(byte value)
    {
        _section.GetSpan(1)[0] = value;
        _section.Advance(1);
    }

    public void U16(ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_section.GetSpan(2), value);
        _section.Advance(2);
    }

    public void U32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_section.GetSpan(4), value);
        _section.Advance(4);
    }

    public void U64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_section.GetSpan(8), value);
        _section.Advance(8);
    }

    public void Bytes(ReadOnlySpan<byte> bytes) => _section.Write(bytes);

    /// <summary>The state: header, sections, checksum.</summary>
    public byte[] ToArray()
    {
        var state = new byte[StateFormat.HeaderSize + _sections.WrittenCount + StateFormat.ChecksumSize];
        StateFormat.Magic.CopyTo(state);
        BinaryPrimitives.WriteUInt16LittleEndian(state.AsSpan(StateFormat.VersionOffset), StateFormat.Version);
        BinaryPrimitives.WriteInt32LittleEndian(state.AsSpan(StateFormat.LengthOffset), state.Length);
        _sections.WrittenSpan.CopyTo(state.AsSpan(StateFormat.HeaderSize));
        BinaryPrimitives.WriteUInt32LittleEndian(
            state.AsSpan(^StateFormat.ChecksumSize..), StateFormat.Checksum(state.AsSpan(..^StateFormat.ChecksumSize)));
        return state;
    }
}
