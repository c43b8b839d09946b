using System.Globalization;
using System.Text;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Scripts;

/// <summary>Writes scripts as text, one operation a line.</summary>
public static class ScriptPrinter
{
    /// <summary>The first line of every script.</summary>
    public const string Header = "viommu-script 1";

    // Where "=>" stands, if the operation leaves room for it.
    private const int SeenColumn = 72;

    /// <summary>The whole text, with its header.</summary>
    public static string Print(Script script)
    {
        ArgumentNullException.ThrowIfNull(script);
        var text = new StringBuilder(Header).Append('\n');
        foreach (var line in script.Lines) text.Append(Print(line)).Append('\n');
        return text.ToString();
    }

    /// <summary>One line.</summary>
    public static string Print(ScriptLine line)
    {
        var text = line switch
        {
            CommentLine comment => $"# {comment.Text}".TrimEnd(),
            FeaturesLine features => $"features {Features.Describe(features.Features).Replace("bit ", "bit", StringComparison.Ordinal)}",
            AttachOperation op => $"attach domain={Domain(op.Domain)} endpoint={Word(op.Endpoint)}{Option("flags", op.Flags)}{Option("reserved", op.Reserved)}{Extras(op)}",
            DetachOperation op => $"detach domain={Domain(op.Domain)} endpoint={Word(op.Endpoint)}{Option("reserved", op.Reserved)}{Extras(op)}",
            MapOperation op => $"map domain={Domain(op.Domain)} virt={Word(op.VirtStart)}..{Word(op.VirtEnd)} phys={Word(op.PhysStart)} flags={MapFlags.Describe(op.Flags)}{Extras(op)}",
            UnmapOperation op => $"unmap domain={Domain(op.Domain)} virt={Word(op.VirtStart)}..{Word(op.VirtEnd)}{Option("reserved", op.Reserved)}{Extras(op)}",
            ProbeOperation op => $"probe endpoint={Word(op.Endpoint)}{(op.Size is { } size ? $" size={Number(size)}" : "")}{Option("reserved", op.Reserved)}{Extras(op)}",
            BytesOperation op => $"request {(op.Hex.Length == 0 ? "none" : op.Hex)} writable={Number(op.Writable)}{Extras(op)}",
            DmaOperation op => $"dma {Word(op.Endpoint)} {(op.IsWrite ? "write" : "read")} {Word(op.Address)}{(op.Length == DmaOperation.DefaultLength ? "" : $" length={Number(op.Length)}")}",
            BypassOperation op => $"bypass {Number(op.Value)}",
            ResetOperation => "reset",
            SystemResetOperation => "system-reset",
            _ => throw new ArgumentException($"{line.GetType().Name} is no line of a script", nameof(line)),
        };
        return line is ScriptOperation { Seen: { } seen } ? $"{text.PadRight(SeenColumn)} => {seen.Text}{(seen.Breaks is { } clause ? $" breaks {clause}" : "")}" : text;
    }

    /// <summary>A symbol as scripts spell it.</summary>
    public static string Word(Symbol symbol) => symbol.Base switch
    {
        SymbolBase.Ram => $"ram+{Hex(symbol.Value)}",
        SymbolBase.Endpoint => $"ep{symbol.Value.ToString(CultureInfo.InvariantCulture)}",
        SymbolBase.FirstDomain => $"first+{symbol.Value.ToString(CultureInfo.InvariantCulture)}",
        _ => Hex(symbol.Value),
    };

    private static string Domain(Symbol symbol) => symbol is { Base: SymbolBase.Zero, Value: < 1000 } ? symbol.Value.ToString(CultureInfo.InvariantCulture) : Word(symbol);

    private static string Option(string name, ulong value) => value == 0 ? "" : $" {name}={Hex(value)}";

    private static string Extras(RequestOperation op) =>
        Option("head", op.HeadReserved)
        + (op.Framing.Readable.Length == 0 ? "" : $" readable={op.Framing.Readable}")
        + (op.Framing.Writable.Length == 0 ? "" : $" pieces={op.Framing.Writable}")
        + (op.Framing.Indirect == 0 ? "" : $" indirect={Number(op.Framing.Indirect)}");

    private static string Hex(ulong value) => $"0x{value.ToString("x", CultureInfo.InvariantCulture)}";

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
