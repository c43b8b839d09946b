using System.Text.Json;
using Viommu.Conformance.Files;

namespace Viommu.Conformance.Watching.Traces;

/// <summary>One line of a byte-exact trace: a JSON object, whose fields are taken out with complaints in plain words.</summary>
internal readonly struct RawRecord
{
    private readonly JsonElement fields;

    private RawRecord(JsonElement fields) => this.fields = fields;

    /// <summary>Parses a line; throws <see cref="FormatException"/> where it is no JSON object.</summary>
    public static RawRecord Parse(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 8 });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new RawRecord(document.RootElement.Clone())
                : throw new FormatException($"a record is a JSON object, not {Kind(document.RootElement)}");
        }
        catch (JsonException e)
        {
            throw new FormatException($"not a JSON object: {e.Message}", e);
        }
    }

    public string Text(string name) =>
        Field(name) is { ValueKind: JsonValueKind.String } value ? value.GetString()! : throw Wrong(name, "a string");

    public uint Number(string name, uint most = uint.MaxValue) =>
        Field(name) is { ValueKind: JsonValueKind.Number } value && value.TryGetUInt32(out var number) && number <= most
            ? number : throw Wrong(name, $"a whole number from 0 to {most}");

    public bool Flag(string name) => Field(name) switch
    {
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { ValueKind: JsonValueKind.Number } value when value.TryGetUInt32(out var number) && number <= 1 => number == 1,
        _ => throw Wrong(name, "0 or 1"),
    };

    public IReadOnlyList<uint> Numbers(string name)
    {
        if (Field(name) is not { ValueKind: JsonValueKind.Array } array) throw Wrong(name, "a list of numbers");
        var numbers = new List<uint>();
        foreach (var element in array.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Number || !element.TryGetUInt32(out var number)) throw Wrong(name, "a list of whole numbers from 0 to 2^32-1");
            numbers.Add(number);
        }
        return numbers;
    }

    /// <summary>Bytes in hexadecimal, at most so many.</summary>
    public byte[] Bytes(string name, int least, int most)
    {
        var text = Text(name);
        if (text.Length % 2 != 0 || !text.All(char.IsAsciiHexDigit)) throw Wrong(name, "bytes of two hexadecimal digits each");
        var bytes = Convert.FromHexString(text);
        return bytes.Length >= least && bytes.Length <= most ? bytes : throw Wrong(name, least == most ? $"{least} bytes" : $"{least} to {most} bytes");
    }

    private JsonElement? Field(string name) => fields.TryGetProperty(name, out var value) ? value : throw new FormatException($"there is no field '{name}'");

    private FormatException Wrong(string name, string wanted) => new($"field '{name}' has to be {wanted}, and is {Kind(fields.GetProperty(name))}");

    private static string Kind(JsonElement element) => ForeignText.Shorten(element.GetRawText());
}
