using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching;

/// <summary>
/// One thing that a driver did, or that its device did to it, in the order in which it happened. What a source cannot see it does not
/// tell: see <see cref="Sight"/>.
/// </summary>
public abstract record Observation
{
    /// <summary>Where it was seen, for evidence: file and line of a trace; empty where the order says it all.</summary>
    public string Where { get; init; } = "";

    /// <summary>A line of evidence.</summary>
    public sealed override string ToString() => Where.Length == 0 ? Describe() : $"{Where}: {Describe()}";

    /// <summary>What was seen, in a few words.</summary>
    protected abstract string Describe();
}

/// <summary>A device is about to be driven: whatever was known of another one is forgotten.</summary>
/// <param name="Name">Which device this is, for evidence.</param>
/// <param name="Transport">How it is reached.</param>
/// <param name="Sees">What the source shows of it.</param>
public sealed record SessionStarted(string Name, WatchedTransport Transport, Sight Sees) : Observation
{
    /// <summary>True where nothing came before: the machine has just been switched on. A recording can begin anywhere.</summary>
    public bool IsPowerOn { get; init; }

    /// <summary>Guest memory, where the source knows: what lies outside of it is device registers.</summary>
    public AddressWindow? Ram { get; init; }

    /// <summary>PCI configuration space as the driver finds it; null on another transport, or where the source does not know.</summary>
    public byte[]? PciConfiguration { get; init; }

    /// <summary>Addresses of device registers, where the source knows.</summary>
    public IReadOnlyList<AddressWindow> Registers { get; init; } = [];

    /// <summary>Length of the device configuration structure as the transport gives it; null where it gives none, or the source does not know.</summary>
    public uint? ConfigLength { get; init; }

    /// <summary>What the device really offers, whether the driver looked or not; null where the source cannot tell.</summary>
    public ulong? Offered { get; init; }

    /// <inheritdoc/>
    protected override string Describe() => $"--- {Name}";
}

/// <summary>Nothing more is going to be seen of this device and its driver.</summary>
public sealed record SessionEnded : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => "--- end";
}

/// <summary>The whole machine was reset.</summary>
public sealed record SystemWasReset : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => "system reset";
}

/// <summary>The driver has done all that it was going to do, and leaves the next step to the device.</summary>
public sealed record DriverWaits : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => "the driver waits";
}

/// <summary>
/// A register access as it was made, for what only one transport asks for. The transport-neutral observation of the same access, if it
/// has one, follows it.
/// </summary>
/// <param name="Space">What was accessed.</param>
/// <param name="Offset">Offset in bytes from where it starts.</param>
/// <param name="Width">In bytes.</param>
/// <param name="Value">Read or written, little-endian.</param>
/// <param name="IsWrite">True for a write.</param>
public sealed record RegisterAccess(RegisterSpace Space, uint Offset, int Width, ulong Value, bool IsWrite) : Observation
{
    /// <summary>Which structure of its kind, in the order of the capability list: 0 for the first.</summary>
    public int Instance { get; init; }

    /// <inheritdoc/>
    protected override string Describe() => $"{(IsWrite ? "write" : "read")} {Space}+0x{Offset:x}, {Width} bytes: 0x{Value:x}";
}

/// <summary>The driver read the device status.</summary>
public sealed record StatusRead(DeviceStatus Status) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"status reads {Bits(Status)}";

    internal static string Bits(DeviceStatus status) => $"0x{(byte)status:x2} ({(status == 0 ? "reset" : status)})";
}

/// <summary>The driver wrote the device status; 0 resets the device.</summary>
public sealed record StatusWritten(DeviceStatus Status) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"status written {StatusRead.Bits(Status)}";
}

/// <summary>The driver read 32 of the bits that the device offers.</summary>
/// <param name="Word">Which: bits 32 * Word and up.</param>
/// <param name="Bits">The bits.</param>
public sealed record OfferedFeaturesRead(uint Word, uint Bits) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"offered features, word {Word}: 0x{Bits:x8}";
}

/// <summary>The driver wrote 32 of the bits that it accepts.</summary>
/// <param name="Word">Which: bits 32 * Word and up.</param>
/// <param name="Bits">The bits.</param>
public sealed record AcceptedFeaturesWritten(uint Word, uint Bits) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"accepted features, word {Word}: 0x{Bits:x8}";
}

/// <summary>The driver read the configuration generation.</summary>
public sealed record GenerationRead(uint Generation) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"configuration generation reads {Generation}";
}

/// <summary>The driver read device configuration.</summary>
public sealed record ConfigRead(uint Offset, int Width, ulong Value) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"configuration +{Offset}, {Width} bytes, reads 0x{Value:x}";
}

/// <summary>The driver wrote device configuration.</summary>
public sealed record ConfigWritten(uint Offset, int Width, ulong Value) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"configuration +{Offset}, {Width} bytes, written 0x{Value:x}";
}

/// <summary>The driver read a register of one queue.</summary>
public sealed record QueueRead(int Queue, QueueField Field, ulong Value) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"queue {Queue} {Field} reads 0x{Value:x}";
}

/// <summary>The driver wrote a register of one queue.</summary>
public sealed record QueueWritten(int Queue, QueueField Field, ulong Value) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"queue {Queue} {Field} written 0x{Value:x}";
}

/// <summary>The driver notified the device; the device has not acted on it yet.</summary>
/// <param name="Queue">The queue that is meant: what the data says, read as the features negotiated ask for.</param>
/// <param name="Offset">Offset in the notification structure of PCI; 0 on other transports.</param>
/// <param name="Width">In bytes.</param>
/// <param name="Value">The data.</param>
public sealed record Doorbell(int Queue, uint Offset, int Width, ulong Value) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"doorbell of queue {Queue}: {Width} bytes, 0x{Value:x}";
}

/// <summary>The driver read the interrupt status: ISR on PCI, InterruptStatus over MMIO.</summary>
public sealed record InterruptStatusRead(uint Value) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"interrupt status reads 0x{Value:x}";
}

/// <summary>The driver acknowledged interrupts (MMIO).</summary>
public sealed record InterruptAcknowledged(uint Value) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"interrupts acknowledged: 0x{Value:x}";
}

/// <summary>The device notified the driver.</summary>
public sealed record InterruptRaised(Notifications Kinds) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"the device interrupts: {Kinds}";
}

/// <summary>The source shows the whole configuration as the device has it, without telling who asked for which field.</summary>
public sealed record ConfigShown(IommuConfig Config) : Observation
{
    /// <inheritdoc/>
    protected override string Describe() => $"configuration: {Config}";
}

/// <summary>What a register belongs to.</summary>
public enum RegisterSpace
{
#pragma warning disable CS1591 // The names say it.
    PciConfiguration,
    PciCommon,
    PciNotify,
    PciIsr,
    PciDevice,
    MsixTable,
    MsixPending,
    Mmio,
    LegacyIo,
    Elsewhere,
#pragma warning restore CS1591
}

/// <summary>The registers of a queue, whatever the transport calls them; 64-bit ones come as halves.</summary>
public enum QueueField
{
#pragma warning disable CS1591 // The names are the spec's.
    Size,
    SizeMax,
    MsixVector,
    Enable,
    NotifyOffset,
    DescriptorsLow,
    DescriptorsHigh,
    DriverLow,
    DriverHigh,
    DeviceLow,
    DeviceHigh,
    NotifConfigData,
    Reset,
    Align,
    PageNumber,
#pragma warning restore CS1591
}

/// <summary>How a watched device is reached.</summary>
public enum WatchedTransport
{
#pragma warning disable CS1591 // The names say it.
    Unknown,
    Pci,
    Mmio,
    LegacyPci,
    LegacyMmio,
#pragma warning restore CS1591
}

/// <summary>What a source can see. A rule that needs more than that is not applicable to what was watched.</summary>
[Flags]
public enum Sight
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Writes of the device status.</summary>
    Status = 1 << 0,

    /// <summary>Every access to the registers of the device.</summary>
    Registers = 1 << 1,

    /// <summary>Every access to PCI configuration space.</summary>
    PciConfiguration = 1 << 2,

    /// <summary>Requests, as fields.</summary>
    Requests = 1 << 3,

    /// <summary>Every byte of a request, and how many bytes were lent for the answer.</summary>
    RequestBytes = 1 << 4,

    /// <summary>Status and used length of answers.</summary>
    Answers = 1 << 5,

    /// <summary>Every write of the driver to the rings and to memory that it has lent.</summary>
    Memory = 1 << 6,

    /// <summary>Which addresses are guest memory.</summary>
    MemoryMap = 1 << 7,

    /// <summary>What the driver tells its users, and what they ask of it.</summary>
    Conclusions = 1 << 8,

    /// <summary>How buffers are cut into descriptors, and whether an indirect table is used; the addresses come with <see cref="Rings"/>.</summary>
    Chains = 1 << 9,

    /// <summary>The rings and their descriptors as they are in memory, at least whenever the device is about to look at them.</summary>
    Rings = 1 << 10,

    /// <summary>Everything, from the moment on that the machine exists.</summary>
    Live = Hosted | PciConfiguration | Memory | MemoryMap | Conclusions,

    /// <summary>
    /// What the device's end of a machine elsewhere shows: the driver writes its memory unseen, firmware looks at configuration space as well, the
    /// MSI-X table is the monitor's, and nobody tells what the driver makes of it all.
    /// </summary>
    Hosted = Status | Registers | Requests | RequestBytes | Answers | Chains | Rings,
}
