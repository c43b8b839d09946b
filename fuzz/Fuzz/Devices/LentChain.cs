using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Rings;

namespace Viommu.Fuzz.Devices;

/// <summary>A chain that a device has, until it has used it.</summary>
internal sealed class LentChain
{
    private readonly List<(int Offset, int Length)> _sources;

    /// <summary>The chain that <paramref name="model"/> has walked last.</summary>
    public LentChain(RingChain chain, RingModel model, in RingPlace place, ShadowedMemory memory, DeviceFacts facts)
    {
        Chain = chain;
        var descriptors = place.Descriptors;
        ulong end = descriptors + (ulong)(RingModel.DescriptorSize * place.Size);
        int direct = model.TablesRead.Count(read => read.Address >= descriptors && read.Address < end);
        Tables = [.. model.TablesRead.Select(read => ((int)(read.Address - ShadowedMemory.First), read.Length))];
        _sources = [.. Tables, .. model.RingParts(chain).Select(part => ((int)(part.Address - ShadowedMemory.First), part.Length))];
        bool isIndirect = direct < Tables.Count;
        IsMixed = isIndirect && direct > 1;
        Readable = Gather(memory, isWritable: false);
        var framing = isIndirect ? Framing.Indirect : Pieces(false) > 1 ? Framing.SplitReadable : Pieces(true) > 1 ? Framing.SplitWritable : Framing.Plain;
        Class = RequestClass.Of(Readable, (int)Math.Min(chain.Writable, int.MaxValue), framing, facts);

        int Pieces(bool isWritable)
        {
            int count = 0;
            foreach (var buffer in chain.Buffers) count += buffer.IsWritable == isWritable ? 1 : 0;
            return count;
        }
    }

    public RingChain Chain { get; }

    /// <summary>What a device-readable buffer holds.</summary>
    public byte[] Readable { get; }

    /// <summary>What it looks like, taken for a request.</summary>
    public RequestClass Class { get; }

    /// <summary>True where a table follows direct descriptors (2.7.5.3.2).</summary>
    public bool IsMixed { get; }

    /// <summary>Descriptors that it is read from, where those are not the device's to write.</summary>
    public IReadOnlyList<(int Offset, int Length)> Tables { get; }

    public RequestView Request => new(Readable, (int)Math.Min(Chain.Writable, int.MaxValue));

    /// <summary>True where the driver has since changed what it was read from.</summary>
    public bool IsChanged(ShadowedMemory memory, ReadOnlySpan<byte> before)
    {
        foreach (var (offset, length) in _sources)
        {
            if (!memory.Bytes.Slice(offset, length).SequenceEqual(before.Slice(offset, length))) return true;
        }

        return false;
    }

    /// <summary>Fills the writable part.</summary>
    public void Fill(ShadowedMemory memory, byte value)
    {
        foreach (var buffer in Chain.Buffers)
        {
            if (buffer.IsWritable) memory.Bytes.Slice(OffsetOf(buffer), (int)buffer.Length).Fill(value);
        }
    }

    /// <summary>The bytes of one part, one after the other, as far as they are in memory.</summary>
    public byte[] Gather(ShadowedMemory memory, bool isWritable)
    {
        var bytes = new List<byte>();
        foreach (var buffer in Chain.Buffers)
        {
            if (buffer.IsWritable == isWritable && IsIn(memory, buffer)) bytes.AddRange(memory.Bytes.Slice(OffsetOf(buffer), (int)buffer.Length));
        }

        return [.. bytes];
    }

    /// <summary>True where the byte is in a buffer that is only to be read.</summary>
    public bool Reads(int offset)
    {
        foreach (var buffer in Chain.Buffers)
        {
            if (!buffer.IsWritable && offset >= OffsetOf(buffer) && offset < OffsetOf(buffer) + (int)buffer.Length) return true;
        }

        return false;
    }

    /// <summary>True where the byte is in one of <see cref="Tables"/>.</summary>
    public bool IsReadFrom(int offset) => Tables.Any(table => offset >= table.Offset && offset < table.Offset + table.Length);

    /// <summary>True where all of a buffer is in memory.</summary>
    public static bool IsIn(ShadowedMemory memory, in RingBuffer buffer)
    {
        ulong offset = unchecked(buffer.Address - ShadowedMemory.First);
        return offset < (ulong)memory.Size && buffer.Length <= (ulong)memory.Size - offset;
    }

    private static int OffsetOf(in RingBuffer buffer) => (int)(buffer.Address - ShadowedMemory.First);
}

/// <summary>A request that came back: the whole writable part, and the used length.</summary>
internal readonly record struct ReturnedChain(LentChain Chain, byte[] Reply, uint Length);
