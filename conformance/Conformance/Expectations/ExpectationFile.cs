using System.Globalization;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Viommu.Conformance.Expectations;

/// <summary>
/// Reads an expectations file: a YAML list of flat mappings of the keys check, verdict, target, version, reason, url, expires and
/// actual. It is read event by event and stops at the first thing that does not belong, so no input is expanded or nested in memory.
/// </summary>
internal sealed class ExpectationFile
{
    private const int MaxBytes = 1 << 20;

    private static readonly string[] Keys = ["check", "verdict", "target", "version", "reason", "url", "expires", "actual"];
    private static readonly Verdict[] Pinnable = [Verdict.Fail, Verdict.Warn, Verdict.Crash, Verdict.Timeout, Verdict.NotApplicable];

    private readonly string name;
    private readonly Parser parser;

    private ExpectationFile(string name, TextReader text)
    {
        this.name = name;
        parser = new(text);
    }

    /// <summary>Reads a file; throws <see cref="ExpectationFormatException"/> with file, line and cause.</summary>
    public static IReadOnlyList<Expectation> Load(string path)
    {
        try
        {
            return Parse(path, ReadText(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new ExpectationFormatException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Reads the text of a file that errors call <paramref name="name"/>.</summary>
    public static IReadOnlyList<Expectation> Parse(string name, string text)
    {
        try
        {
            return new ExpectationFile(name, new StringReader(text)).Document();
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

    private List<Expectation> Document()
    {
        parser.Consume<StreamStart>();
        if (parser.Accept<StreamEnd>(out _)) throw new ExpectationFormatException($"{name}:1: the file is empty; a file that expects nothing says []");
        parser.Consume<DocumentStart>();
        if (!parser.TryConsume<SequenceStart>(out _)) throw Wrong("a list of entries is expected here, each beginning with '- check:'");

        var entries = new List<Expectation>();
        while (!parser.TryConsume<SequenceEnd>(out _)) entries.Add(Entry());
        parser.Consume<DocumentEnd>();
        if (!parser.Accept<StreamEnd>(out _)) throw Wrong("a second document; there has to be one");
        return entries;
    }

    private Expectation Entry()
    {
        var line = parser.Current!.Start.Line;
        if (!parser.TryConsume<MappingStart>(out _)) throw Wrong("an entry is expected here: keys and values, the first of them 'check:'");

        var values = new Dictionary<string, (string Text, long Line)>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (!parser.TryConsume<Scalar>(out var key)) throw Wrong("a key is expected here");
            if (!Keys.Contains(key.Value)) throw Error(key.Start.Line, $"unknown key '{Shorten(key.Value)}'; there are {string.Join(", ", Keys)}");
            if (!parser.TryConsume<Scalar>(out var value)) throw Wrong($"'{key.Value}' takes plain text");
            if (!values.TryAdd(key.Value, (value.Value.Trim(), value.Start.Line))) throw Error(key.Start.Line, $"'{key.Value}' is there twice");
            if (values[key.Value].Text.Length == 0) throw Error(key.Start.Line, $"'{key.Value}' is empty");
        }

        string Required(string key) => values.TryGetValue(key, out var v) ? v.Text : throw Error(line, $"the entry has no '{key}'");
        T? Optional<T>(string key, Func<string, long, T> read) where T : class => values.TryGetValue(key, out var v) ? read(v.Text, v.Line) : null;

        var check = Required("check");
        var verdict = VerdictOf(Required("verdict"), values["verdict"].Line);
        return new(new Glob(check), verdict, Required("reason"), Required("url"))
        {
            Where = $"{name}:{line}",
            Target = Optional("target", (text, _) => new Glob(text)),
            Version = Optional("version", VersionOf),
            Expires = values.TryGetValue("expires", out var expires) ? DateOf(expires.Text, expires.Line) : null,
            Actual = Optional("actual", (text, _) => text),
        };
    }

    private Verdict VerdictOf(string text, long line) =>
        Pinnable.Where(v => v.Name() == text).Select(v => (Verdict?)v).FirstOrDefault()
        ?? throw Error(line, $"'{Shorten(text)}' is no verdict to expect; there are {string.Join(", ", Pinnable.Select(v => v.Name()))}");

    private VersionCondition VersionOf(string text, long line)
    {
        try
        {
            return new(text);
        }
        catch (FormatException e)
        {
            throw Error(line, e.Message, e);
        }
    }

    private DateOnly DateOf(string text, long line) =>
        DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date)
            ? date : throw Error(line, $"'{Shorten(text)}' is no date; write year-month-day, for example 2027-01-31");

    private ExpectationFormatException Wrong(string cause) => Error(parser.Current!.Start.Line, cause);

    private ExpectationFormatException Error(long line, string cause, Exception? inner = null) => new($"{name}:{line}: {cause}", inner);

    private static string Shorten(string text) => text.Length <= 60 ? text : text[..60] + "...";
}
