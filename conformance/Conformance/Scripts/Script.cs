using Viommu.Guest.Virtqueue;

namespace Viommu.Conformance.Scripts;

/// <summary>
/// What was done to a virtio-iommu, in order, as text that runs on every target: addresses, endpoints and domains are symbols where a number
/// would tie it to one. <see cref="ScriptPrinter"/> and <see cref="ScriptParser"/> turn it into text and back.
/// </summary>
/// <param name="Lines">Comments, features and operations.</param>
public sealed record Script(IReadOnlyList<ScriptLine> Lines)
{
    /// <summary>The extension of files that hold a script.</summary>
    public const string Extension = ".viommu";

    /// <summary>The operations alone.</summary>
    public IEnumerable<ScriptOperation> Operations => Lines.OfType<ScriptOperation>();

    /// <inheritdoc/>
    public bool Equals(Script? other) => other is not null && Lines.SequenceEqual(other.Lines);

    /// <inheritdoc/>
    public override int GetHashCode() => Lines.Count == 0 ? 0 : HashCode.Combine(Lines.Count, Lines[0], Lines[^1]);

    /// <inheritdoc/>
    public override string ToString() => ScriptPrinter.Print(this);
}

/// <summary>One line of a script.</summary>
public abstract record ScriptLine;

/// <summary><c># text</c>.</summary>
public sealed record CommentLine(string Text) : ScriptLine;

/// <summary><c>features NAME...</c>: those of the device type that the driver accepts when it starts next; the reserved ones are its own affair.</summary>
public sealed record FeaturesLine(ulong Features) : ScriptLine;

/// <summary>Something that is done, and what was seen of it when the script was recorded.</summary>
public abstract record ScriptOperation : ScriptLine
{
    /// <summary>What was seen; null where nothing is recorded.</summary>
    public Seen? Seen { get; init; }
}

/// <summary>What stands behind <c>=&gt;</c>: what was seen, and the clause that it breaks, if it breaks one.</summary>
/// <param name="Text">In a few words.</param>
/// <param name="Breaks">Id of the clause.</param>
public sealed record Seen(string Text, string? Breaks = null);

/// <summary>A request on the request queue.</summary>
public abstract record RequestOperation : ScriptOperation
{
    /// <summary>The three reserved bytes of the head.</summary>
    public uint HeadReserved { get; init; }

    /// <summary>How the request is laid out in descriptors.</summary>
    public ScriptFraming Framing { get; init; } = ScriptFraming.Plain;
}

/// <summary><c>attach domain= endpoint= [flags=] [reserved=]</c>.</summary>
public sealed record AttachOperation(Symbol Domain, Symbol Endpoint, uint Flags = 0, uint Reserved = 0) : RequestOperation;

/// <summary><c>detach domain= endpoint= [reserved=]</c>.</summary>
public sealed record DetachOperation(Symbol Domain, Symbol Endpoint, ulong Reserved = 0) : RequestOperation;

/// <summary><c>map domain= virt=FIRST..LAST phys= flags=</c>.</summary>
public sealed record MapOperation(Symbol Domain, Symbol VirtStart, Symbol VirtEnd, Symbol PhysStart, uint Flags) : RequestOperation;

/// <summary><c>unmap domain= virt=FIRST..LAST [reserved=]</c>.</summary>
public sealed record UnmapOperation(Symbol Domain, Symbol VirtStart, Symbol VirtEnd, uint Reserved = 0) : RequestOperation;

/// <summary><c>probe endpoint= [size=] [reserved=]</c>; the properties area has probe_size bytes where no size is given.</summary>
public sealed record ProbeOperation(Symbol Endpoint, int? Size = null, byte Reserved = 0) : RequestOperation;

/// <summary><c>request BYTES writable=</c>: any bytes in hex (<c>none</c> for none), and room for so many to be written.</summary>
public sealed record BytesOperation(string Hex, int Writable) : RequestOperation;

/// <summary><c>dma ENDPOINT read|write ADDRESS [length=]</c>: an access of an endpoint.</summary>
public sealed record DmaOperation(Symbol Endpoint, bool IsWrite, Symbol Address, int Length = DmaOperation.DefaultLength) : ScriptOperation
{
    /// <summary>Bytes of an access that does not say how many.</summary>
    public const int DefaultLength = 64;
}

/// <summary><c>bypass VALUE</c>: writes the <c>bypass</c> field of the configuration.</summary>
public sealed record BypassOperation(byte Value) : ScriptOperation;

/// <summary><c>reset</c>: resets the device and starts the driver anew.</summary>
public sealed record ResetOperation : ScriptOperation;

/// <summary><c>system-reset</c>: resets the machine and starts the driver anew.</summary>
public sealed record SystemResetOperation : ScriptOperation;

/// <summary>A number, or a name and a distance from what it stands for.</summary>
/// <param name="Base">What it is counted from.</param>
/// <param name="Value">The number, or the distance.</param>
public readonly record struct Symbol(SymbolBase Base, ulong Value)
{
    /// <summary>A plain number.</summary>
    public static implicit operator Symbol(ulong value) => FromUInt64(value);

    /// <summary>A plain number.</summary>
    public static Symbol FromUInt64(ulong value) => new(SymbolBase.Zero, value);

    /// <summary>An address in the memory that the target sets apart.</summary>
    public static Symbol Ram(ulong offset) => new(SymbolBase.Ram, offset);

    /// <summary>An endpoint that the target can make DMA from.</summary>
    public static Symbol Endpoint(int index) => new(SymbolBase.Endpoint, (ulong)index);

    /// <summary>A domain of those that the device has.</summary>
    public static Symbol Domain(uint index) => new(SymbolBase.FirstDomain, index);
}

/// <summary>What a <see cref="Symbol"/> is counted from.</summary>
public enum SymbolBase
{
    /// <summary>Nothing: a number.</summary>
    Zero,

    /// <summary><c>ram+0x1000</c>: memory that the target sets apart for what scripts map.</summary>
    Ram,

    /// <summary><c>ep0</c>: the target's endpoints, in its order.</summary>
    Endpoint,

    /// <summary><c>first+1</c>: the first domain of domain_range.</summary>
    FirstDomain,
}

/// <summary>How a request is cut into descriptors; lengths of all but the last piece.</summary>
/// <param name="Readable">Pieces of the readable part, joined by commas; empty for one piece.</param>
/// <param name="Writable">Pieces of the writable part.</param>
/// <param name="Indirect">How many pieces, from the end, are in an indirect table.</param>
public sealed record ScriptFraming(string Readable, string Writable, int Indirect)
{
    /// <summary>One descriptor for each part.</summary>
    public static ScriptFraming Plain { get; } = new("", "", 0);

    /// <summary>The framing as the driver takes it.</summary>
    internal Framing ToFraming() => new(Lengths(Readable), Lengths(Writable), Indirect);

    private static int[] Lengths(string pieces) =>
        pieces.Length == 0 ? [] : [.. pieces.Split(',').Select(piece => int.Parse(piece, System.Globalization.CultureInfo.InvariantCulture))];
}
