using System.Globalization;
using System.Text;
using Viommu.Conformance.Files;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Viommu.Conformance.Expectations;

/// <summary>
/// Reads a file of entries: a YAML list of flat mappings, of keys that are known. It is read event by event and stops at the first thing
/// that does not belong, so no input is expanded or nested in memory.
/// </summary>
internal sealed class EntryFile
{
    private const int MaxBytes = 1 << 20;

    private readonly string name;
    private readonly string[] keys;
    private readonly Parser parser;

    private EntryFile(string name, TextReader text, string[] keys)
    {
        this.name = name;
        this.keys = keys;
        parser = new(text);
    }

    /// <summary>Reads a file; throws <see cref="ExpectationFormatException"/> with file, line and cause. The first of the keys is the one that entries begin with.</summary>
    public static IReadOnlyList<FileEntry> Load(string path, params string[] keys)
    {
        try
        {
            return Parse(path, ReadText(path), keys);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new ExpectationFormatException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Reads the text of a file that errors call <paramref name="name"/>.</summary>
    public static IReadOnlyList<FileEntry> Parse(string name, string text, params string[] keys)
    {
        try
        {
            return new EntryFile(name, new StringReader(text), keys).Document();
        }
        catch (YamlException e)
        {
            throw new ExpectationFormatException($"{name}:{e.Start.Line}: not YAML: {e.Message.ReplaceLineEndings(" ")}", e);
        }
        catch (InvalidOperationException e)
        {
            // Of some texts that are no YAML the scanner says only that it is stuck.
            throw new ExpectationFormatException($"{name}: not YAML: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    /// <summary>A double-quoted YAML scalar; the only style that can hold any character.</summary>
    public static string Quoted(string value)
    {
        var text = new StringBuilder("\"");
        foreach (char c in value)
        {
            if (c is '"' or '\\') text.Append('\\').Append(c);
            else if (c is < ' ' or >= '\u007f') text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else text.Append(c);
        }
        return text.Append('"').ToString();
    }

    /// <summary>The text of a file of a sane size; a device file would have no end.</summary>
    private static string ReadText(string path)
    {
        using var file = File.OpenRead(path);
        var bytes = new byte[MaxBytes + 1];
        int length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (length > MaxBytes) throw new ExpectationFormatException($"{path}: longer than {MaxBytes} bytes, which no expectations file is");
        using var text = new StreamReader(new MemoryStream(bytes, 0, length));
        return text.ReadToEnd();
    }

    private List<FileEntry> Document()
    {
        parser.Consume<StreamStart>();
        if (parser.Accept<StreamEnd>(out _)) throw new ExpectationFormatException($"{name}:1: the file is empty; a file that expects nothing says []");
        parser.Consume<DocumentStart>();
        if (!parser.TryConsume<SequenceStart>(out _)) throw Wrong($"a list of entries is expected here, each beginning with '- {keys[0]}:'");

        var entries = new List<FileEntry>();
        while (!parser.TryConsume<SequenceEnd>(out _)) entries.Add(Entry());
        parser.Consume<DocumentEnd>();
        if (!parser.Accept<StreamEnd>(out _)) throw Wrong("a second document; there has to be one");
        return entries;
    }

    private FileEntry Entry()
    {
        var line = parser.Current!.Start.Line;
        if (!parser.TryConsume<MappingStart>(out _)) throw Wrong($"an entry is expected here: keys and values, the first of them '{keys[0]}:'");

        var values = new Dictionary<string, (string Text, long Line)>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (!parser.TryConsume<Scalar>(out var key)) throw Wrong("a key is expected here");
            if (!keys.Contains(key.Value)) throw Error(key.Start.Line, $"unknown key '{ForeignText.Shorten(key.Value)}'; there are {string.Join(", ", keys)}");
            if (!parser.TryConsume<Scalar>(out var value)) throw Wrong($"'{key.Value}' takes plain text");
            if (!values.TryAdd(key.Value, (value.Value.Trim(), value.Start.Line))) throw Error(key.Start.Line, $"'{key.Value}' is there twice");
            if (values[key.Value].Text.Length == 0) throw Error(key.Start.Line, $"'{key.Value}' is empty");
        }
        return new(name, line, values);
    }

    private ExpectationFormatException Wrong(string cause) => Error(parser.Current!.Start.Line, cause);

    private ExpectationFormatException Error(long line, string cause) => new($"{name}:{line}: {cause}");
}

/// <summary>One entry of a file: text by key.</summary>
internal sealed class FileEntry(string name, long line, IReadOnlyDictionary<string, (string Text, long Line)> values)
{
    /// <summary>File and line, <c>file:line</c>.</summary>
    public string Where => $"{name}:{line}";

    /// <summary>The text of a key that has to be there.</summary>
    public string Required(string key) => values.TryGetValue(key, out var value) ? value.Text : throw new ExpectationFormatException($"{name}:{line}: the entry has no '{key}'");

    /// <summary>What a key stands for; null where it is not there. A <see cref="FormatException"/> of <paramref name="read"/> is one of the file.</summary>
    public T? Optional<T>(string key, Func<string, T> read) where T : class => values.ContainsKey(key) ? Read(key, read) : null;

    /// <summary>The day that a key names; null where it is not there.</summary>
    public DateOnly? Date(string key) => values.ContainsKey(key) ? Read(key, DateOf) : null;

    /// <summary>What a key stands for that has to be there.</summary>
    public T Read<T>(string key, Func<string, T> read)
    {
        var text = Required(key);
        try
        {
            return read(text);
        }
        catch (FormatException e)
        {
            throw new ExpectationFormatException($"{name}:{values[key].Line}: {e.Message}", e);
        }
    }

    private static DateOnly DateOf(string text) =>
        DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date)
            ? date : throw new FormatException($"'{ForeignText.Shorten(text)}' is no date; write year-month-day, for example 2027-01-31");
}
