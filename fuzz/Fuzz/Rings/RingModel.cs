using System.Buffers.Binary;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Rings;

/// <summary>Where a queue is, and what was negotiated for it.</summary>
internal readonly record struct RingPlace(int Size, ulong Descriptors, ulong DriverArea, ulong DeviceArea, bool HasIndirect, bool HasInOrder)
{
    /// <summary>Where the event queue is, beside this request queue.</summary>
    public RingPlace OfEvents => this with
    {
        Descriptors = Descriptors + RingMachine.EventAreas,
        DriverArea = DriverArea + RingMachine.EventAreas,
        DeviceArea = DeviceArea + RingMachine.EventAreas,
    };
}

/// <summary>
/// A ring as a bystander follows it: what the driver makes available, and what the device says that it used. It is written from the spec,
/// shares nothing with the device, and reads memory as the driver's processor does.
/// </summary>
internal abstract class RingModel(ShadowedMemory memory)
{
    public const int DescriptorSize = 16;
    protected const ushort Next = 1;
    protected const ushort Write = 2;
    protected const ushort Indirect = 4;

    private bool _isConceiving;

    /// <summary>
    /// Descriptors that were read for the chain walked last, besides those of a packed ring, which the device has for itself: table and number
    /// of bytes, for each.
    /// </summary>
    public List<(ulong Address, int Length)> TablesRead { get; } = new(64);

    /// <summary>The indirect table of the chain walked last, all of it; without length where it has none.</summary>
    public (ulong Address, uint Length) Table { get; private set; }

    protected RingPlace Place { get; private set; }

    /// <summary>The ring is where it is, and nothing was used yet.</summary>
    public virtual void Begin(in RingPlace place) => Place = place;

    /// <summary>Walks the next chain; <see cref="RingFault.Empty"/> where there is none.</summary>
    public abstract RingFault Walk(RingChain chain);

    /// <summary>
    /// The chain that a device can find by way of that slot of the ring, if it is not strict about what is available and what was negotiated, or
    /// what is wrong with it; <see cref="RingFault.Empty"/> where there is nothing.
    /// </summary>
    public RingFault Conceive(int slot, RingChain chain)
    {
        Restart(chain);
        _isConceiving = true;
        var fault = Follow(slot, chain);
        _isConceiving = false;
        return fault == RingFault.None && chain.Total == 0 ? RingFault.Empty : fault;
    }

    /// <summary>Whether the device says that it used one more, which one, and how much it wrote.</summary>
    public abstract bool TryReadUsed(out ushort id, out uint length);

    /// <summary>The length in the used descriptor read last where that says besides that nothing was written, so that it means nothing; else null.</summary>
    public uint? UntoldLength { get; protected set; }

    /// <summary>The device has used a chain, or a batch that ends with it.</summary>
    public abstract void Advance(int chains, int entries);

    /// <summary>True where buffers are left that a device could know of by an index that it read before the last one.</summary>
    public virtual bool CouldGoByEarlierIndex => false;

    /// <summary>True where the next entry is marked as no driver marks it, and who looks at a part of the marks may take it for available.</summary>
    public virtual bool IsHalfAvailable => false;

    /// <summary>The parts of the ring itself that the chain walked last was read from, besides <see cref="TablesRead"/>.</summary>
    public abstract IEnumerable<(ulong Address, int Length)> RingParts(RingChain latest);

    /// <summary>What the ring itself says of how far the device is, to see whether it moves on when it must not.</summary>
    public abstract int DevicePosition { get; }

    protected bool Exists(ulong address, int length)
    {
        ulong distance = unchecked(address - ShadowedMemory.First);
        return distance <= (ulong)memory.Size && (ulong)length <= (ulong)memory.Size - distance;
    }

    protected bool TryRead16(ulong address, out ushort value)
    {
        value = 0;
        if (!Exists(address, 2)) return false;
        value = BinaryPrimitives.ReadUInt16LittleEndian(At(address, 2));
        return true;
    }

    protected ReadOnlySpan<byte> At(ulong address, int length) => memory.Bytes.Slice((int)(address - ShadowedMemory.First), length);

    /// <summary>The chain that begins at that slot.</summary>
    protected abstract RingFault Follow(int slot, RingChain chain);

    /// <summary>Another chain is about to be walked.</summary>
    protected void Restart(RingChain chain)
    {
        chain.Clear();
        TablesRead.Clear();
        Table = default;
    }

    protected RingFault CheckIndirect(ushort flags, ulong address, uint length, bool isInside)
    {
        Table = (address, length);
        if (length == 0) return RingFault.EmptyTable;
        if (!Place.HasIndirect && !_isConceiving) return RingFault.IndirectNotNegotiated;
        if (isInside) return RingFault.IndirectNested;
        if ((flags & Next) != 0) return RingFault.IndirectWithNext;
        return length % DescriptorSize != 0 ? RingFault.IndirectSize : RingFault.None;
    }
}
