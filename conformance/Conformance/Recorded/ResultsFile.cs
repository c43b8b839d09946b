using System.Text.Json;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Files;
using Viommu.Conformance.Running;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Recorded;

/// <summary>
/// Reads a <c>results.json</c> from anywhere: token by token, to the first thing that is not as it has to be. Members that this program does
/// not know are passed over, so that later versions of the same schema can be read.
/// </summary>
internal sealed class ResultsFile
{
    private const int Schema = 1;
    private const int MaxBytes = 64 << 20;
    private const int MaxDepth = 16;

    private readonly string name;
    private readonly byte[] bytes;

    private ResultsFile(string name, byte[] bytes) => (this.name, this.bytes) = (name, bytes);

    private delegate void Member(string key, ref Utf8JsonReader reader);

    private delegate T Item<T>(ref Utf8JsonReader reader);

    /// <summary>
    /// The runs at <paramref name="path"/>: that of a results file, of a report folder, or of each report folder in a folder (as a matrix
    /// leaves them). Throws <see cref="ResultsFormatException"/>.
    /// </summary>
    public static IReadOnlyList<RecordedRun> Load(string path)
    {
        try
        {
            if (!Directory.Exists(path)) return [Parse(path, ReadBytes(path), path)];
            if (File.Exists(InFolder(path))) return [Parse(path, ReadBytes(InFolder(path)), InFolder(path))];
            var folders = Directory.GetDirectories(path).Where(folder => File.Exists(InFolder(folder))).Order(StringComparer.Ordinal).ToList();
            if (folders.Count == 0) throw new ResultsFormatException($"{path}: there is no results.json in this folder, nor in a folder of it");
            return [.. folders.Select(folder => Parse(folder, ReadBytes(InFolder(folder)), InFolder(folder)))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new ResultsFormatException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>The run that <paramref name="bytes"/> tell; errors call it <paramref name="file"/>.</summary>
    public static RecordedRun Parse(string name, byte[] bytes, string file)
    {
        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = MaxDepth });
        var source = new ResultsFile(file, bytes);
        try
        {
            reader.Read();
            var run = source.Run(name, ref reader);
            if (reader.Read()) throw source.Wrong(ref reader, "something follows the results");
            return run;
        }
        catch (JsonException e)
        {
            throw new ResultsFormatException($"{file}:{e.LineNumber + 1}: not JSON: {e.Message.Split(" LineNumber:")[0]}", e);
        }
        catch (InvalidOperationException e)
        {
            // Text that is no UTF-8, or half a surrogate pair escaped.
            throw source.Wrong(ref reader, $"not text: {e.Message}", e);
        }
    }

    private static string InFolder(string folder) => Path.Combine(folder, "results.json");

    private static byte[] ReadBytes(string path)
    {
        using var file = File.OpenRead(path);
        if (file.CanSeek && file.Length > MaxBytes) throw TooLong(path);
        using var content = new MemoryStream();
        var chunk = new byte[1 << 16];
        for (int length; (length = file.Read(chunk)) > 0; content.Write(chunk, 0, length))
        {
            if (content.Length > MaxBytes) throw TooLong(path);
        }
        return content.ToArray();
    }

    private static ResultsFormatException TooLong(string path) => new($"{path}: longer than {MaxBytes >> 20} MiB, which no results file is");

    private RecordedRun Run(string label, ref Utf8JsonReader reader)
    {
        ulong? schema = null;
        SpecVersion? spec = null;
        ulong? seed = null;
        var (tool, strict, strictOnSecurity, over) = ("", false, false, true);
        TargetIdentity? target = null;
        IReadOnlyList<string> features = [], complaints = [];
        IReadOnlyList<RecordedCheck>? checks = null;
        IReadOnlyList<RecordedClause>? clauses = null;
        var summary = new Dictionary<string, ulong>();
        Object(ref reader, "results", (string key, ref Utf8JsonReader r) =>
        {
            switch (key)
            {
                case "schema": schema = Number(ref r, key); break;
                case "spec": spec = Spec(ref r); break;
                case "seed": seed = Number(ref r, key); break;
                case "strict": strict = Flag(ref r, key); break;
                case "strictOnSecurity": strictOnSecurity = Flag(ref r, key); break;
                case "over": over = Flag(ref r, key); break;
                case "tool": tool = Tool(ref r); break;
                case "target": (target, features) = Target(ref r); break;
                case "checks": checks = List(ref r, key, Check); break;
                case "clauses": clauses = List(ref r, key, Clause); break;
                case "complaints": complaints = List(ref r, key, Text); break;
                case "summary": Object(ref r, key, (string verdict, ref Utf8JsonReader count) => summary[verdict] = Number(ref count, verdict)); break;
                default: r.Skip(); break;
            }
        });
        if (schema != Schema) throw Wrong(ref reader, schema is null ? "no results file: there is no 'schema'" : $"schema {schema} is not known here, only {Schema} is");
        if (checks is null || clauses is null || target is null || spec is null || seed is null)
            throw Wrong(ref reader, "not whole: spec, seed, target, checks and clauses have to be there");
        if (checks.GroupBy(c => c.Id).FirstOrDefault(g => g.Count() > 1) is { } twice) throw Wrong(ref reader, $"check '{ForeignText.Shorten(twice.Key)}' is there twice");
        return new(label, tool, spec.Value, target, features, seed.Value, strict, over, checks, clauses, complaints)
        {
            Summary = summary,
            StrictOnSecurity = strictOnSecurity,
        };
    }

    private string Tool(ref Utf8JsonReader reader)
    {
        var version = "";
        Object(ref reader, "tool", (string key, ref Utf8JsonReader r) =>
        {
            if (key == "version") version = Text(ref r);
            else r.Skip();
        });
        return version;
    }

    private (TargetIdentity Target, IReadOnlyList<string> Features) Target(ref Utf8JsonReader reader)
    {
        string? called = null, version = null;
        var configuration = "";
        IReadOnlyList<string> features = [];
        Object(ref reader, "target", (string key, ref Utf8JsonReader r) =>
        {
            switch (key)
            {
                case "name": called = Text(ref r); break;
                case "version": version = Text(ref r); break;
                case "configuration": configuration = Text(ref r); break;
                case "features": features = List(ref r, key, Text); break;
                default: r.Skip(); break;
            }
        });
        return called is null || version is null ? throw Wrong(ref reader, "the target has no name or no version") : (new(called, version, configuration), features);
    }

    private RecordedCheck Check(ref Utf8JsonReader reader)
    {
        string? id = null, chargedTo = null;
        var (expected, actual) = ("", "");
        Level? level = null;
        Verdict? verdict = null, observed = null;
        ulong milliseconds = 0;
        IReadOnlyList<string> clauses = [], evidence = [];
        Object(ref reader, "check", (string key, ref Utf8JsonReader r) =>
        {
            switch (key)
            {
                case "id": id = Text(ref r); break;
                case "clauses": clauses = List(ref r, key, Text); break;
                case "level": level = LevelOf(ref r); break;
                case "verdict": verdict = VerdictOf(ref r); break;
                case "observed": observed = VerdictOf(ref r); break;
                case "chargedTo" when r.TokenType != JsonTokenType.Null: chargedTo = Text(ref r); break;
                case "expected": expected = Text(ref r); break;
                case "actual": actual = Text(ref r); break;
                case "evidence": evidence = List(ref r, key, Text); break;
                case "milliseconds": milliseconds = Number(ref r, key); break;
                default: r.Skip(); break;
            }
        });
        if (string.IsNullOrWhiteSpace(id) || level is null || verdict is null) throw Wrong(ref reader, $"check '{ForeignText.Shorten(id ?? "")}' is without id, level or verdict");
        if (clauses.Count == 0) throw Wrong(ref reader, $"check '{ForeignText.Shorten(id)}' names no clause");
        return new(id, clauses, level.Value, verdict.Value, expected, actual, evidence, (long)Math.Min(milliseconds, long.MaxValue))
        {
            Observed = observed ?? verdict.Value,
            ChargedTo = chargedTo,
        };
    }

    private RecordedClause Clause(ref Utf8JsonReader reader)
    {
        string? id = null;
        var reason = "";
        Verdict? verdict = null;
        Object(ref reader, "clause", (string key, ref Utf8JsonReader r) =>
        {
            switch (key)
            {
                case "id": id = Text(ref r); break;
                case "verdict": verdict = VerdictOf(ref r); break;
                case "reason": reason = Text(ref r); break;
                default: r.Skip(); break;
            }
        });
        if (string.IsNullOrWhiteSpace(id) || verdict is null) throw Wrong(ref reader, $"clause '{ForeignText.Shorten(id ?? "")}' is without id or verdict");
        return new(id, verdict.Value, reason);
    }

    private void Object(ref Utf8JsonReader reader, string what, Member member)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw Wrong(ref reader, $"{what}: an object is expected here");
        var seen = new HashSet<string>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            if (!seen.Add(key)) throw Wrong(ref reader, $"{what}: '{ForeignText.Shorten(key)}' is there twice");
            reader.Read();
            member(key, ref reader);
        }
    }

    private List<T> List<T>(ref Utf8JsonReader reader, string what, Item<T> item)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw Wrong(ref reader, $"{what}: a list is expected here");
        var items = new List<T>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) items.Add(item(ref reader));
        return items;
    }

    private string Text(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw Wrong(ref reader, "text is expected here");

    private bool Flag(ref Utf8JsonReader reader, string what) => reader.TokenType switch
    {
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        _ => throw Wrong(ref reader, $"{what}: true or false is expected here"),
    };

    private ulong Number(ref Utf8JsonReader reader, string what) => reader.TokenType == JsonTokenType.Number && reader.TryGetUInt64(out var number)
        ? number : throw Wrong(ref reader, $"{ForeignText.Shorten(what)}: a number from 0 to 2^64-1 is expected here");

    private SpecVersion Spec(ref Utf8JsonReader reader)
    {
        var number = Text(ref reader);
        return SpecVersions.Parse(number) ?? throw Wrong(ref reader, $"virtio '{ForeignText.Shorten(number)}' is not known here");
    }

    private Verdict VerdictOf(ref Utf8JsonReader reader)
    {
        var word = Text(ref reader);
        return VerdictNames.Parse(word) ?? throw Wrong(ref reader, $"'{ForeignText.Shorten(word)}' is no verdict");
    }

    private Level LevelOf(ref Utf8JsonReader reader)
    {
        var word = Text(ref reader);
        return Catalogue.Clause.LevelOf(word) ?? throw Wrong(ref reader, $"'{ForeignText.Shorten(word)}' is no level");
    }

    private ResultsFormatException Wrong(ref Utf8JsonReader reader, string cause, Exception? inner = null)
    {
        var line = 1 + bytes.AsSpan(0, (int)Math.Min(reader.TokenStartIndex, bytes.Length)).Count((byte)'\n');
        return new($"{name}:{line}: {cause}", inner);
    }
}
