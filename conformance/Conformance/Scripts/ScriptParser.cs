using System.Buffers;
using System.Globalization;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Scripts;

/// <summary>A script that is none: the message begins with <c>file:line:column:</c>.</summary>
public sealed class ScriptFormatException(string file, int line, int column, string problem) : Exception(
    string.Create(CultureInfo.InvariantCulture, $"{file}:{line}:{column}: {problem}"));

/// <summary>Reads scripts. What is not understood is an error with its place; sizes are bounded, whatever the text says.</summary>
public static class ScriptParser
{
    /// <summary>The longest text, in characters.</summary>
    public const int LongestText = 4 << 20;

    /// <summary>The longest line, in characters.</summary>
    public const int LongestLine = 20_000;

    /// <summary>The most lines.</summary>
    public const int MostLines = 100_000;

    /// <summary>The largest buffer that a request asks for, in bytes.</summary>
    public const int LargestBuffer = 1 << 16;

    /// <summary>The longest access, in bytes.</summary>
    public const int LongestAccess = 1024;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>Reads a file; throws <see cref="ScriptFormatException"/>, also where it cannot be read or is far too large.</summary>
    public static Script Load(string path)
    {
        try
        {
            using var reader = new StreamReader(path);
            var text = new char[LongestText + 1];
            var length = reader.ReadBlock(text);
            return Parse(path, text.AsSpan(0, length).ToString());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new ScriptFormatException(path, 1, 1, $"cannot be read: {e.Message}");
        }
    }

    /// <summary>Reads a text; <paramref name="file"/> is what errors call it.</summary>
    public static Script Parse(string file, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > LongestText) throw new ScriptFormatException(file, 1, 1, $"the text is longer than {LongestText} characters");
        var lines = text.Split('\n', MostLines + 2);
        if (lines.Length > MostLines + 1) throw new ScriptFormatException(file, MostLines + 1, 1, $"there are more than {MostLines} lines");
        if (lines[0].TrimEnd() != ScriptPrinter.Header) throw new ScriptFormatException(file, 1, 1, $"the first line is not '{ScriptPrinter.Header}'");
        var read = new List<ScriptLine>();
        for (var i = 1; i < lines.Length; i++)
        {
            var line = lines[i].TrimEnd();
            if (line.Length > LongestLine) throw new ScriptFormatException(file, i + 1, LongestLine + 1, $"the line is longer than {LongestLine} characters");
            if (string.IsNullOrWhiteSpace(line)) continue;
            read.Add(new LineReader(file, i + 1, line).Read());
        }
        return new Script(read);
    }

    /// <summary>Reads one line, word by word.</summary>
    private sealed class LineReader(string file, int number, string line)
    {
        private readonly Dictionary<string, (string Value, int Column)> options = [];
        private int at;

        public ScriptLine Read()
        {
            SkipBlanks();
            if (line[at] == '#') return new CommentLine(line[(at + 1)..].TrimStart(' '));
            var seen = TakeSeen();
            var start = at;
            var verb = NextWord("an operation");
            ScriptLine read = verb switch
            {
                "features" => ReadFeatures(),
                "attach" => WithOptions(() => new AttachOperation(Take("domain", Domain), Take("endpoint", Endpoint), (uint)Option("flags", uint.MaxValue), (uint)Option("reserved", uint.MaxValue))),
                "detach" => WithOptions(() => new DetachOperation(Take("domain", Domain), Take("endpoint", Endpoint), Option("reserved", ulong.MaxValue))),
                "map" => WithOptions(() => ReadMap()),
                "unmap" => WithOptions(() => ReadUnmap()),
                "probe" => WithOptions(() => new ProbeOperation(Take("endpoint", Endpoint), OptionalSize(), (byte)Option("reserved", byte.MaxValue))),
                "request" => ReadBytes(),
                "dma" => ReadDma(),
                "bypass" => new BypassOperation((byte)Plain(NextWord("a value"), byte.MaxValue)),
                "reset" => new ResetOperation(),
                "system-reset" => new SystemResetOperation(),
                _ => throw Wrong(start, $"'{Shown(verb)}' is no operation"),
            };
            SkipBlanks();
            if (at < line.Length) throw Wrong(at, $"'{Shown(line[at..])}' is not understood");
            if (seen is null) return read;
            return read is ScriptOperation operation ? operation with { Seen = seen } : throw Wrong(start, "nothing can be seen of this");
        }

        /// <summary>Cuts off what stands behind "=>".</summary>
        private Seen? TakeSeen()
        {
            var arrow = line.IndexOf("=>", StringComparison.Ordinal);
            if (arrow < 0) return null;
            var text = line[(arrow + 2)..].Trim();
            line = line[..arrow].TrimEnd();
            if (line.Length <= at) throw Wrong(0, "there is no operation before '=>'");
            if (text.Length == 0) throw Wrong(arrow, "nothing stands behind '=>'");
            const string Breaks = " breaks ";
            var clause = text.LastIndexOf(Breaks, StringComparison.Ordinal);
            return clause < 0 ? new Seen(text) : new Seen(text[..clause].TrimEnd(), text[(clause + Breaks.Length)..].Trim());
        }

        private FeaturesLine ReadFeatures()
        {
            ulong features = 0;
            SkipBlanks();
            var start = at;
            var word = NextWord("a feature, or none");
            if (word == "none") return new FeaturesLine(0);
            while (true)
            {
                var bit = BitOf(word) ?? throw Wrong(start, $"'{Shown(word)}' is no feature");
                if ((features >> bit & 1) != 0) throw Wrong(start, $"{word} is there twice");
                features |= 1UL << bit;
                SkipBlanks();
                if (at == line.Length) return new FeaturesLine(features);
                start = at;
                word = NextWord("a feature");
            }
        }

        private static int? BitOf(string word)
        {
            for (var bit = 0; bit < 64; bit++)
            {
                if (Features.NameOf(bit).Replace(" ", "", StringComparison.Ordinal) == word) return bit;
            }
            return null;
        }

        private MapOperation ReadMap()
        {
            var (domain, (first, last)) = (Take("domain", Domain), TakeRange());
            return new MapOperation(domain, first, last, Take("phys", Address), Take("flags", Flags));
        }

        private UnmapOperation ReadUnmap()
        {
            var (domain, (first, last)) = (Take("domain", Domain), TakeRange());
            return new UnmapOperation(domain, first, last, (uint)Option("reserved", uint.MaxValue));
        }

        private BytesOperation ReadBytes()
        {
            SkipBlanks();
            var start = at;
            var word = NextWord("bytes in hex, or none");
            var hex = word == "none" ? "" : word.ToLowerInvariant();
            if (hex.Length % 2 != 0) throw Wrong(start, "there is half a byte at the end");
            if (hex.Length / 2 > LargestBuffer) throw Wrong(start, $"there are more than {LargestBuffer} bytes");
            var bad = hex.AsSpan().IndexOfAnyExcept(HexDigits);
            if (bad >= 0) throw Wrong(start + bad, "this is not hexadecimal");
            return WithOptions(() =>
            {
                var writable = Take("writable", (text, column) => (int)Plain(text, LargestBuffer, column));
                return writable + hex.Length > 0 ? new BytesOperation(hex, writable) : throw Wrong(start, "a request has at least one byte, to read or to write");
            });
        }

        private DmaOperation ReadDma()
        {
            SkipBlanks();
            var start = at;
            var endpoint = Endpoint(NextWord("an endpoint"), start);
            if (endpoint.Base != SymbolBase.Endpoint) throw Wrong(start, "accesses are made by ep0, ep1 and so on");
            SkipBlanks();
            start = at;
            var direction = NextWord("read or write");
            if (direction is not ("read" or "write")) throw Wrong(start, $"'{Shown(direction)}' is neither read nor write");
            SkipBlanks();
            start = at;
            var address = Address(NextWord("an address"), start);
            return WithOptions(() =>
            {
                var length = options.ContainsKey("length") ? Take("length", (text, column) => (int)Plain(text, LongestAccess, column)) : DmaOperation.DefaultLength;
                return length > 0 ? new DmaOperation(endpoint, direction == "write", address, length) : throw Wrong(start, "an access has at least one byte");
            });
        }

        /// <summary>Reads name=value up to the end of the line, builds, and makes sure that every option was wanted.</summary>
        private T WithOptions<T>(Func<T> build)
            where T : ScriptOperation
        {
            for (SkipBlanks(); at < line.Length; SkipBlanks())
            {
                var start = at;
                var word = NextWord("an option");
                var equals = word.IndexOf('=', StringComparison.Ordinal);
                if (equals <= 0) throw Wrong(start, $"'{Shown(word)}' is not of the form name=value");
                if (!options.TryAdd(word[..equals], (word[(equals + 1)..], start + equals + 1))) throw Wrong(start, $"{Shown(word[..equals])} is there twice");
            }
            var built = build();
            if (built is RequestOperation request)
            {
                built = (T)(ScriptOperation)(request with
                {
                    HeadReserved = (uint)Option("head", 0xff_ffff),
                    Framing = new ScriptFraming(OptionalPieces("readable"), OptionalPieces("pieces"), (int)Option("indirect", 64)),
                });
            }
            foreach (var (name, (_, column)) in options) throw Wrong(column - name.Length - 1, $"{Shown(name)} means nothing here");
            return built;
        }

        private T Take<T>(string name, Func<string, int, T> read) =>
            options.Remove(name, out var option) ? read(option.Value, option.Column) : throw Wrong(line.Length, $"{name}= is missing");

        private ulong Option(string name, ulong most) => options.Remove(name, out var option) ? Plain(option.Value, most, option.Column) : 0;

        private int? OptionalSize() => options.Remove("size", out var option) ? (int)Plain(option.Value, LargestBuffer, option.Column) : null;

        private string OptionalPieces(string name)
        {
            if (!options.Remove(name, out var option)) return "";
            var pieces = option.Value.Split(',');
            if (pieces.Length > 64) throw Wrong(option.Column, "there are more than 64 pieces");
            return string.Join(',', pieces.Select(piece => Plain(piece, LargestBuffer, option.Column).ToString(CultureInfo.InvariantCulture)));
        }

        private (Symbol First, Symbol Last) TakeRange() => Take("virt", (text, column) =>
        {
            var dots = text.IndexOf("..", StringComparison.Ordinal);
            if (dots < 0) throw Wrong(column, $"'{Shown(text)}' is not of the form FIRST..LAST");
            return (Address(text[..dots], column), Address(text[(dots + 2)..], column + dots + 2));
        });

        private Symbol Domain(string text, int column) =>
            text.StartsWith("first+", StringComparison.Ordinal) ? Symbol.Domain((uint)Plain(text["first+".Length..], uint.MaxValue, column)) : Plain(text, uint.MaxValue, column);

        private Symbol Endpoint(string text, int column) =>
            text.StartsWith("ep", StringComparison.Ordinal) ? Symbol.Endpoint((int)Plain(text[2..], 255, column)) : Plain(text, uint.MaxValue, column);

        private Symbol Address(string text, int column) =>
            text.StartsWith("ram+", StringComparison.Ordinal) ? Symbol.Ram(Plain(text["ram+".Length..], ulong.MaxValue, column)) : Plain(text, ulong.MaxValue, column);

        /// <summary>Flags as letters R, W, M, and the others behind a plus sign.</summary>
        private uint Flags(string text, int column)
        {
            uint flags = 0;
            if (text == "none") return flags;
            for (var i = 0; i < text.Length; i++)
            {
                if (text[i] == '+') return flags | (uint)Plain(text[(i + 1)..], uint.MaxValue, column + i + 1);
                flags |= text[i] switch
                {
                    'R' => MapFlags.Read,
                    'W' => MapFlags.Write,
                    'M' => MapFlags.Mmio,
                    _ => throw Wrong(column + i, $"'{Shown(text)}' are no flags: R, W, M, +0x8, none"),
                };
            }
            return text.Length > 0 ? flags : throw Wrong(column, "flags are missing");
        }

        private ulong Plain(string text, ulong most, int? column = null)
        {
            var place = column ?? at - text.Length;
            ulong value;
            if (!(text.StartsWith("0x", StringComparison.Ordinal)
                ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
                : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value)))
                throw Wrong(place, $"'{Shown(text)}' is no number");
            return value <= most ? value : throw Wrong(place, $"{Shown(text)} is more than {most}");
        }

        private string NextWord(string what)
        {
            SkipBlanks();
            if (at == line.Length) throw Wrong(at, $"{what} is missing");
            var start = at;
            while (at < line.Length && line[at] is not (' ' or '\t')) at++;
            return line[start..at];
        }

        private void SkipBlanks()
        {
            while (at < line.Length && line[at] is ' ' or '\t') at++;
        }

        private ScriptFormatException Wrong(int column, string problem) => new(file, number, column + 1, problem);

        private static string Shown(string text) => text.Length <= 40 ? text : $"{text[..40]}...";
    }
}
