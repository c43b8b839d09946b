using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching;

/// <summary>The driver wrote a field of a ring, of the queue's own areas.</summary>
/// <param name="Queue">The queue.</param>
/// <param name="Field">Which field.</param>
/// <param name="Index">Which of them, where there are several: the slot.</param>
/// <param name="Value">What it holds now.</param>
public sealed record RingWritten(int Queue, RingField Field, int Index, ushort Value) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"queue {Queue} {Field}[{Index}] written 0x{Value:x}";
}

/// <summary>A split ring as the driver has laid it out, when it enables the queue and the device has not looked yet.</summary>
/// <param name="Queue">The queue.</param>
/// <param name="AvailFlags">The flags of the available ring.</param>
/// <param name="UsedFlags">The flags of the used ring.</param>
public sealed record RingLaidOut(int Queue, ushort AvailFlags, ushort UsedFlags) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"queue {Queue} enabled with avail.flags 0x{AvailFlags:x}, used.flags 0x{UsedFlags:x}";
}

/// <summary>The device says which notifications it wants of a split ring (2.7.10), or says something else than before.</summary>
/// <param name="Queue">The queue.</param>
/// <param name="UsedFlags">The flags of the used ring.</param>
/// <param name="AvailEvent">What lies behind the used elements, with EVENT_IDX or without.</param>
public sealed record NotificationsWished(int Queue, ushort UsedFlags, ushort AvailEvent) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"queue {Queue}: the device sets used.flags 0x{UsedFlags:x}, avail_event {AvailEvent}";
}

/// <summary>The driver wrote an entry of the descriptor table of a split ring, or of the descriptor ring of a packed one.</summary>
public sealed record DescriptorWritten(int Queue, int Slot, RingDescriptor Descriptor) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"queue {Queue} descriptor {Slot} written: {Descriptor}";
}

/// <summary>The driver made a chain available.</summary>
public sealed record ChainAvailable(Chain Chain) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"available: {Chain}";
}

/// <summary>The device returned a chain.</summary>
/// <param name="Chain">The chain; null where the device named none that it has.</param>
/// <param name="Queue">The queue.</param>
/// <param name="Id">What the device named.</param>
/// <param name="Length">The used length.</param>
/// <param name="Writable">The device-writable bytes as they are now; empty where the source does not show them.</param>
public sealed record ChainUsed(Chain? Chain, int Queue, uint Id, uint Length, byte[] Writable) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"used: {Chain?.ToString() ?? $"queue {Queue} id {Id}, which it has not got"}, length {Length}";
}

/// <summary>The driver changed memory that the device had at that time, and has not returned.</summary>
/// <param name="Chain">The chain that it belongs to.</param>
/// <param name="What">What it is.</param>
/// <param name="Address">Where.</param>
/// <param name="IsRingEntry">True for a descriptor, direct or in an indirect table; false for the contents of a buffer.</param>
public sealed record LentMemoryWritten(Chain Chain, string What, ulong Address, bool IsRingEntry) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"{What} of {Chain} changed at 0x{Address:x} while the device has it";
}

/// <summary>A request that the driver sent, decoded. It follows the <see cref="ChainAvailable"/> of the same chain, where there is one.</summary>
/// <param name="Request">The request.</param>
/// <param name="Chain">What carried it; null where the source shows fields only.</param>
public sealed record RequestSent(SentRequest Request, Chain? Chain) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"> {Request}";
}

/// <summary>
/// The device returned a request. Requests that depend on one another can be sent together: what one refers to is known only now, in the
/// order in which the device handled them.
/// </summary>
/// <param name="Request">The request.</param>
/// <param name="Chain">What carried it; null where the source shows fields only.</param>
/// <param name="Outcome">The answer.</param>
public sealed record RequestAnswered(SentRequest Request, Chain? Chain, Outcome Outcome) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"< {Request}: {Outcome}";
}

/// <summary>The device wrote a fault report into a buffer of the event queue.</summary>
/// <param name="Report">The report; null where the used length is short of one.</param>
/// <param name="Length">The used length.</param>
public sealed record FaultDelivered(FaultReport? Report, uint Length) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"! {Report?.ToString() ?? "no whole report"}, used length {Length}";
}

/// <summary>The device says that a domain is gone, with all that was mapped in it.</summary>
public sealed record DomainFreed(uint Domain) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"domain {Domain} is freed";
}

/// <summary>The device says what it reports of an endpoint in an answer to PROBE.</summary>
public sealed record RegionShown(uint Endpoint, ReservedRange Region) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"endpoint 0x{Endpoint:x} reserves {Region}";
}

/// <summary>The fields of the rings that are no descriptors.</summary>
public enum RingField
{
#pragma warning disable CS1591 // The names are the spec's.
    AvailFlags,
    AvailIndex,
    AvailEntry,
    UsedEvent,
    DriverEventDescriptor,
    DriverEventFlags,
    DeviceArea,
#pragma warning restore CS1591
}

/// <summary>A descriptor as it is in memory: of a split ring, where the last field is <c>next</c>, or of a packed one, where it is the Buffer ID.</summary>
public readonly record struct RingDescriptor(ulong Address, uint Length, DescriptorFlags Flags, ushort NextOrId)
{
    /// <inheritdoc/>
    public override string ToString() => $"0x{Address:x}+{Length} {Flags} {NextOrId}";
}

/// <summary>One descriptor of a chain.</summary>
/// <param name="Slot">Its place in the ring, or in its table.</param>
/// <param name="Descriptor">The descriptor; addresses are 0 where the source does not show them.</param>
/// <param name="IsInTable">True in an indirect table.</param>
public readonly record struct ChainElement(int Slot, RingDescriptor Descriptor, bool IsInTable)
{
    /// <summary>True for a descriptor that the device may write to; one that refers to a table describes no buffer of its own.</summary>
    public bool IsWritable => (Descriptor.Flags & DescriptorFlags.Write) != 0;

    /// <summary>True for a descriptor that refers to a table.</summary>
    public bool IsTable => (Descriptor.Flags & DescriptorFlags.Indirect) != 0;
}

/// <summary>A chain of descriptors that a driver made available.</summary>
/// <param name="Queue">The queue.</param>
/// <param name="Id">Head of the chain in a split ring, Buffer ID in a packed one.</param>
/// <param name="Elements">Its descriptors in their order, those of a table behind the one that refers to it.</param>
public sealed record Chain(int Queue, ushort Id, IReadOnlyList<ChainElement> Elements)
{
    /// <summary>Where in the ring it was made available: the available index of a split ring, the slot of a packed one; null where the source does not show that.</summary>
    public int? Position { get; init; }

    /// <summary>What makes it no chain that a device can follow; null where it is one.</summary>
    public string? Fault { get; init; }

    /// <summary>The device-readable bytes; empty where they are not in guest memory.</summary>
    public byte[] Readable { get; init; } = [];

    /// <summary>Bytes that the device may write, modulo 2^32 no more.</summary>
    public ulong WritableLength { get; init; }

    /// <summary>How many descriptors of the ring itself it takes.</summary>
    public int RingDescriptors => Elements.Count(element => !element.IsInTable);

    /// <summary>The descriptors of buffers: all but one that refers to a table.</summary>
    public IEnumerable<ChainElement> Buffers => Elements.Where(element => !element.IsTable);

    /// <inheritdoc/>
    public bool Equals(Chain? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);

    /// <inheritdoc/>
    public override string ToString() =>
        $"queue {Queue} chain {Id} of {Elements.Count} descriptors, {Readable.Length} bytes to read, {WritableLength} to write" + (Fault is null ? "" : $" ({Fault})");
}
