using System.Buffers.Binary;
using System.Numerics;
using Viommu.Device.Lifecycle;
using Viommu.Device.Memory;

namespace Viommu.Device.Transport.Pci;

/// <summary>
/// The MSI-X table and pending bits of a function. A message is a four-byte write to the address in the table.
/// </summary>
internal sealed class MsixTable
{
    private const int EntrySize = 16;
    private const int Data = 8;
    private const int VectorControl = 12;
    private const uint Masked = 1;

    private readonly IGuestMemory _memory;
    private readonly byte[] _entries;
    private readonly byte[] _pending;

    private bool _functionMasked;
    private bool _canSend;

    public MsixTable(int vectors, IGuestMemory memory)
    {
        _memory = memory;
        Vectors = vectors;
        _entries = new byte[vectors * EntrySize];
        // The pending bits are an array of 64-bit words.
        _pending = new byte[(vectors + 63) / 64 * 8];
        PendingOffset = Math.Max(0x800, (int)BitOperations.RoundUpToPowerOf2((uint)_entries.Length));
        SystemReset();
    }

    public int Vectors { get; }

    public bool IsEnabled { get; private set; }

    /// <summary>Where the pending bits start in the BAR; the table starts at 0.</summary>
    public int PendingOffset { get; }

    /// <summary>Size of the BAR that holds table and pending bits.</summary>
    public uint BarSize => Math.Max(0x1000, BitOperations.RoundUpToPowerOf2((uint)(PendingOffset + _pending.Length)));

    /// <summary>Takes over Message Control of the capability, and Bus Master Enable, without which no message leaves.</summary>
    public void Configure(bool enabled, bool functionMasked, bool busMaster)
    {
        IsEnabled = enabled;
        _functionMasked = functionMasked;
        _canSend = busMaster;
        if (!enabled) ClearPending();
        SendPending();
    }

    public void Raise(int vector)
    {
        if (!IsEnabled) return;
        _pending[vector / 8] |= (byte)(1 << (vector % 8));
        SendPending(vector);
    }

    public ulong Read(int offset, int width)
    {
        if (!TryLocate(offset, width, out var bytes)) return 0;
        return width == 8 ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    /// <summary>Writes to the table; pending bits are read-only.</summary>
    public void Write(int offset, int width, ulong value)
    {
        if (offset >= PendingOffset || !TryLocate(offset, width, out var bytes)) return;
        if (width == 8) BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        else BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)value);
        SendPending(offset / EntrySize);
    }

    /// <summary>A reset device has nothing to say any more.</summary>
    public void ClearPending() => _pending.AsSpan().Clear();

    public void SystemReset()
    {
        IsEnabled = _functionMasked = _canSend = false;
        ClearPending();
        _entries.AsSpan().Clear();
        for (int vector = 0; vector < Vectors; vector++)
            BinaryPrimitives.WriteUInt32LittleEndian(_entries.AsSpan((vector * EntrySize) + VectorControl), Masked);
    }

    /// <summary>Writes table and pending bits; the controls are in configuration space.</summary>
    public void Save(StateWriter writer)
    {
        writer.Bytes(_entries);
        writer.Bytes(_pending);
    }

    /// <summary>Reads what <see cref="Save"/> wrote; the action takes it over, and <see cref="Configure"/> has to follow.</summary>
    public Action Load(ref StateReader reader)
    {
        var entries = new byte[_entries.Length];
        reader.Bytes(entries);
        int start = reader.Position;
        var pending = new byte[_pending.Length];
        reader.Bytes(pending);
        for (int vector = Vectors; vector < 8 * pending.Length; vector++)
        {
            if ((pending[vector / 8] & (1 << (vector % 8))) != 0) reader.Fail(StateFault.Value, start);
        }

        return () =>
        {
            entries.CopyTo(_entries, 0);
            pending.CopyTo(_pending, 0);
        };
    }

    private void SendPending()
    {
        for (int vector = 0; vector < Vectors; vector++) SendPending(vector);
    }

    private void SendPending(int vector)
    {
        byte bit = (byte)(1 << (vector % 8));
        if ((_pending[vector / 8] & bit) == 0 || !IsEnabled || _functionMasked || !_canSend) return;
        var entry = _entries.AsSpan(vector * EntrySize, EntrySize);
        if ((BinaryPrimitives.ReadUInt32LittleEndian(entry[VectorControl..]) & Masked) != 0) return;
        _pending[vector / 8] &= (byte)~bit;
        // The low two bits of the address are reserved. A message to where nobody listens is lost, as on a real bus.
        _ = _memory.TryWrite(new(BinaryPrimitives.ReadUInt64LittleEndian(entry) & ~3UL), entry.Slice(Data, 4));
    }

    // The PCI specification defines aligned accesses of four and eight bytes only.
    private bool TryLocate(int offset, int width, out Span<byte> bytes)
    {
        bytes = default;
        if (width is not (4 or 8) || offset % width != 0) return false;
        var (area, start) = offset >= PendingOffset ? (_pending, PendingOffset) : (_entries, 0);
        if (offset - start + width > area.Length) return false;
        bytes = area.AsSpan(offset - start, width);
        return true;
    }
}
