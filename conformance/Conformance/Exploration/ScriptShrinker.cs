using Viommu.Conformance.Scripts;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Exploration;

/// <summary>Makes a script small: fewer operations first, then simpler ones, as long as what it shows still shows.</summary>
/// <param name="shows">Runs a script and says whether it shows it.</param>
/// <param name="attempts">The most scripts to run.</param>
internal sealed class ScriptShrinker(Func<Script, bool> shows, int attempts)
{
    // Where nothing else is: 256 MiB.
    private const ulong Simple = 0x1000_0000;

    private int left = attempts;

    /// <summary>The smallest script found, starting from one that shows it.</summary>
    public Script Shrink(Script script)
    {
        var before = int.MaxValue;
        var lines = script.Lines;
        while (left > 0 && left < before)
        {
            before = left;
            var shorter = Shorten(lines);
            var simpler = Simplify(Rename(shorter));
            if (simpler.SequenceEqual(lines)) break;
            lines = simpler;
        }
        return new Script(lines);
    }

    /// <summary>Leaves out blocks, from halves down to single lines.</summary>
    private IReadOnlyList<ScriptLine> Shorten(IReadOnlyList<ScriptLine> lines)
    {
        for (var block = Math.Max(1, lines.Count / 2); block > 0; block /= 2) lines = Blocks.LeaveOut(lines, block, Shows);
        return lines;
    }

    /// <summary>Gives domains and endpoints their simplest names, wherever they occur, and moves what is mapped to a simple place.</summary>
    private IReadOnlyList<ScriptLine> Rename(IReadOnlyList<ScriptLine> lines)
    {
        foreach (var domain in lines.Select(DomainOf).OfType<Symbol>().Distinct().ToList())
            lines = IfShown(lines, line => WithDomain(line, symbol => symbol == domain ? 1 : symbol));
        foreach (var endpoint in lines.Select(EndpointOf).OfType<Symbol>().Distinct().ToList())
            lines = IfShown(lines, line => WithEndpoint(line, symbol => symbol == endpoint ? Symbol.Endpoint(0) : symbol));
        foreach (var page in lines.OfType<MapOperation>().Select(map => map.VirtStart).Distinct().ToList())
            lines = IfShown(lines, line => WithAddresses(line, symbol => Moved(symbol, page)));
        return lines;

        static Symbol Moved(Symbol symbol, Symbol from) =>
            symbol.Base == from.Base && unchecked(symbol.Value - from.Value + 0x1000_0000) < 0x2000_0000 ? new Symbol(SymbolBase.Zero, unchecked(symbol.Value - from.Value + Simple)) : symbol;
    }

    private IReadOnlyList<ScriptLine> IfShown(IReadOnlyList<ScriptLine> lines, Func<ScriptLine, ScriptLine> change)
    {
        ScriptLine[] changed = [.. lines.Select(change)];
        return !changed.SequenceEqual(lines) && Shows(changed) ? changed : lines;
    }

    private static Symbol? DomainOf(ScriptLine line) => line switch
    {
        AttachOperation op => op.Domain,
        DetachOperation op => op.Domain,
        MapOperation op => op.Domain,
        UnmapOperation op => op.Domain,
        _ => null,
    };

    private static Symbol? EndpointOf(ScriptLine line) => line switch
    {
        AttachOperation op => op.Endpoint,
        DetachOperation op => op.Endpoint,
        ProbeOperation op => op.Endpoint,
        DmaOperation op => op.Endpoint,
        _ => null,
    };

    private static ScriptLine WithDomain(ScriptLine line, Func<Symbol, Symbol> change) => line switch
    {
        AttachOperation op => op with { Domain = change(op.Domain) },
        DetachOperation op => op with { Domain = change(op.Domain) },
        MapOperation op => op with { Domain = change(op.Domain) },
        UnmapOperation op => op with { Domain = change(op.Domain) },
        _ => line,
    };

    private static ScriptLine WithEndpoint(ScriptLine line, Func<Symbol, Symbol> change) => line switch
    {
        AttachOperation op => op with { Endpoint = change(op.Endpoint) },
        DetachOperation op => op with { Endpoint = change(op.Endpoint) },
        ProbeOperation op => op with { Endpoint = change(op.Endpoint) },
        DmaOperation op when change(op.Endpoint) is { Base: SymbolBase.Endpoint } endpoint => op with { Endpoint = endpoint },
        _ => line,
    };

    private static ScriptLine WithAddresses(ScriptLine line, Func<Symbol, Symbol> change) => line switch
    {
        MapOperation op => op with { VirtStart = change(op.VirtStart), VirtEnd = change(op.VirtEnd) },
        UnmapOperation op => op with { VirtStart = change(op.VirtStart), VirtEnd = change(op.VirtEnd) },
        DmaOperation op => op with { Address = change(op.Address) },
        _ => line,
    };

    private IReadOnlyList<ScriptLine> Simplify(IReadOnlyList<ScriptLine> lines)
    {
        for (var i = 0; i < lines.Count; i++)
        {
            var again = true;
            while (again)
            {
                again = false;
                foreach (var simpler in Simpler(lines[i]))
                {
                    if (simpler == lines[i]) continue;
                    ScriptLine[] candidate = [.. lines];
                    candidate[i] = simpler;
                    if (!Shows(candidate)) continue;
                    (lines, again) = (candidate, true);
                    break;
                }
            }
        }
        return lines;
    }

    private bool Shows(IReadOnlyList<ScriptLine> lines) => left-- > 0 && shows(new Script(lines));

    /// <summary>The same line with one thing simpler: no reserved bytes, no framing, a smaller range, the first domain and endpoint.</summary>
    private static IEnumerable<ScriptLine> Simpler(ScriptLine line)
    {
        if (line is RequestOperation request)
        {
            if (request.Framing != ScriptFraming.Plain) yield return request with { Framing = ScriptFraming.Plain };
            if (request.HeadReserved != 0) yield return request with { HeadReserved = 0 };
        }
        switch (line)
        {
            case AttachOperation op:
                if (op.Reserved > 1) yield return op with { Reserved = 1 };
                if (op.Reserved != 0) yield return op with { Reserved = 0 };
                foreach (var flags in SimplerFlags(op.Flags, 0)) yield return op with { Flags = flags };
                foreach (var symbol in SimplerSymbol(op.Domain, 1)) yield return op with { Domain = symbol };
                if (op.Endpoint != Symbol.Endpoint(0)) yield return op with { Endpoint = Symbol.Endpoint(0) };
                break;
            case DetachOperation op:
                if (op.Reserved > 1) yield return op with { Reserved = 1 };
                if (op.Reserved != 0) yield return op with { Reserved = 0 };
                foreach (var symbol in SimplerSymbol(op.Domain, 1)) yield return op with { Domain = symbol };
                if (op.Endpoint != Symbol.Endpoint(0)) yield return op with { Endpoint = Symbol.Endpoint(0) };
                break;
            case MapOperation op:
                foreach (var flags in SimplerFlags(op.Flags, 3)) yield return op with { Flags = flags };
                foreach (var (first, last) in SimplerRange(op.VirtStart, op.VirtEnd)) yield return op with { VirtStart = first, VirtEnd = last };
                foreach (var symbol in SimplerSymbol(op.Domain, 1)) yield return op with { Domain = symbol };
                if (op.PhysStart != Symbol.Ram(0)) yield return op with { PhysStart = Symbol.Ram(0) };
                break;
            case UnmapOperation op:
                if (op.Reserved > 1) yield return op with { Reserved = 1 };
                if (op.Reserved != 0) yield return op with { Reserved = 0 };
                foreach (var (first, last) in SimplerRange(op.VirtStart, op.VirtEnd)) yield return op with { VirtStart = first, VirtEnd = last };
                foreach (var symbol in SimplerSymbol(op.Domain, 1)) yield return op with { Domain = symbol };
                break;
            case ProbeOperation op:
                if (op.Reserved != 0) yield return op with { Reserved = 0 };
                if (op.Size is not null) yield return op with { Size = null };
                if (op.Size > 0) yield return op with { Size = 0 };
                if (op.Endpoint != Symbol.Endpoint(0)) yield return op with { Endpoint = Symbol.Endpoint(0) };
                break;
            case BytesOperation op:
                if (op.Writable > Request.TailSize) yield return op with { Writable = Request.TailSize };
                if (op.Writable > 0 && op.Hex.Length > 0) yield return op with { Writable = 0 };
                if (op.Hex.Length > 8) yield return op with { Hex = op.Hex[..8] };
                if (op.Hex.AsSpan(2..Math.Max(2, op.Hex.Length)).IndexOfAnyExcept('0') >= 0) yield return op with { Hex = op.Hex[..2] + new string('0', op.Hex.Length - 2) };
                break;
            case DmaOperation op:
                if (op.Length > 1) yield return op with { Length = 1 };
                if (op.Length != DmaOperation.DefaultLength) yield return op with { Length = DmaOperation.DefaultLength };
                if (!op.IsWrite) yield return op with { IsWrite = true };
                if (op.Endpoint != Symbol.Endpoint(0)) yield return op with { Endpoint = Symbol.Endpoint(0) };
                if (op.Address.Base == SymbolBase.Zero && (op.Address.Value & 0xfff) != 0) yield return op with { Address = op.Address.Value & ~0xfffUL };
                break;
            case BypassOperation op:
                if (op.Value > 0) yield return op with { Value = 0 };
                break;
            case SystemResetOperation:
                yield return new ResetOperation();
                break;
        }
    }

    private static IEnumerable<uint> SimplerFlags(uint flags, uint usual)
    {
        if (flags != usual) yield return usual;
        for (var bit = 0; bit < 32; bit++)
        {
            if ((flags >> bit & 1) != 0 && flags != 1u << bit && (flags & (flags - 1)) != 0 && flags != usual) yield return flags & ~(1u << bit);
        }
    }

    private static IEnumerable<Symbol> SimplerSymbol(Symbol symbol, ulong simplest)
    {
        if (symbol is { Base: SymbolBase.Zero } && symbol.Value != simplest) yield return simplest;
    }

    private static IEnumerable<(Symbol First, Symbol Last)> SimplerRange(Symbol first, Symbol last)
    {
        const ulong Page = 4096;
        Symbol plain = Simple;
        if ((first, last) != (plain, plain with { Value = plain.Value + Page - 1 })) yield return (plain, plain with { Value = plain.Value + Page - 1 });
        if (first.Base == last.Base && last.Value - first.Value > Page - 1 && last.Value > first.Value) yield return (first, first with { Value = first.Value + Page - 1 });
    }
}
