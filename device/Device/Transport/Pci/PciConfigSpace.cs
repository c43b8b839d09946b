using System.Buffers.Binary;
using Viommu.Device.Lifecycle;
using Viommu.Device.Wire;

namespace Viommu.Device.Transport.Pci;

/// <summary>The 256 bytes of a function's configuration space, of which a mask says what the guest can write.</summary>
internal sealed class PciConfigSpace
{
    private readonly byte[] _bytes = new byte[PciHeader.Size];
    private readonly byte[] _writable = new byte[PciHeader.Size];
    private int _lastLink = PciHeader.CapabilitiesPointer;
    private int _nextFree = PciHeader.FirstCapability;

    public byte U8(int offset) => _bytes[offset];

    public ushort U16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(offset));

    public uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(offset));

    public Span<byte> Bytes(int offset, int length) => _bytes.AsSpan(offset, length);

    public void SetU8(int offset, byte value, byte writable = 0)
    {
        _bytes[offset] = value;
        _writable[offset] = writable;
    }

    public void SetU16(int offset, ushort value, ushort writable = 0)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(offset), value);
        BinaryPrimitives.WriteUInt16LittleEndian(_writable.AsSpan(offset), writable);
    }

    /// <summary>A BAR of <paramref name="size"/> bytes, a power of two: the address bits below the size are hard-wired to 0.</summary>
    public void SetBar(int offset, uint size) => SetU32(offset, 0, ~(size - 1));

    public void SetU32(int offset, uint value, uint writable = 0)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(offset), value);
        BinaryPrimitives.WriteUInt32LittleEndian(_writable.AsSpan(offset), writable);
    }

    /// <summary>Appends a capability to the list; returns its offset. <paramref name="body"/> is what follows its ID and link.</summary>
    public int AddCapability(byte id, ReadOnlySpan<byte> body)
    {
        int offset = _nextFree;
        _bytes[_lastLink] = (byte)offset;
        _bytes[offset] = id;
        body.CopyTo(_bytes.AsSpan(offset + 2));
        _lastLink = offset + 1;
        // Capabilities start at multiples of four (PCI Local Bus 3.0, section 6.7).
        _nextFree = (offset + 2 + body.Length + 3) & ~3;
        return offset;
    }

    public uint Read(int offset, int width)
    {
        uint value = 0;
        for (int i = width - 1; i >= 0; i--) value = (value << 8) | _bytes[offset + i];
        return value;
    }

    public void Write(int offset, int width, uint value)
    {
        for (int i = 0; i < width; i++)
        {
            byte mask = _writable[offset + i];
            _bytes[offset + i] = (byte)((_bytes[offset + i] & ~mask) | ((byte)(value >> (8 * i)) & mask));
        }
    }

    /// <summary>All bits that the guest can write are 0, as they are at first.</summary>
    public void Reset()
    {
        for (int i = 0; i < _bytes.Length; i++) _bytes[i] &= (byte)~_writable[i];
    }

    /// <summary>Writes the bits that the guest can write; the others are options of the function.</summary>
    public void Save(StateWriter writer)
    {
        for (int i = 0; i < _bytes.Length; i++) writer.U8((byte)(_bytes[i] & _writable[i]));
    }

    /// <summary>Reads what <see cref="Save"/> wrote; the action takes it over.</summary>
    public Action Load(ref StateReader reader)
    {
        var written = new byte[_bytes.Length];
        for (int i = 0; i < written.Length; i++)
        {
            int start = reader.Position;
            written[i] = reader.U8();
            if ((written[i] & ~_writable[i]) != 0) reader.Fail(StateFault.Value, start);
        }

        return () =>
        {
            for (int i = 0; i < written.Length; i++) _bytes[i] = (byte)((_bytes[i] & ~_writable[i]) | written[i]);
        };
    }
}
