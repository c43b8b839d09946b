using System.Globalization;
using System.Text;
using Viommu.Fuzz.Engine.Mutation;

namespace Viommu.Fuzz.Targets;

/// <summary>An input as people read it: header and records by their fields, and bytes where there are none.</summary>
internal static class InputDescription
{
    private const int BytesInLine = 16;

    public static IEnumerable<string> Of(InputShape shape, byte[] input)
    {
        if (shape.Header.Count > 0 && input.Length >= shape.HeaderSize) yield return Fields("header", shape.Header, input);
        if (shape.IsBytes)
        {
            foreach (var line in Bytes(input, shape.HeaderSize)) yield return line;
            yield break;
        }

        for (int i = 0; i < shape.RecordsIn(input.Length); i++)
        {
            var record = input.AsMemory(shape.HeaderSize + (i * shape.RecordSize), shape.RecordSize);
            var kind = shape.Kinds[shape.KindOf(record.Span[0])];
            yield return Fields(string.Create(CultureInfo.InvariantCulture, $"{i,3} {kind.Name}"), kind.Fields, record.Span);
        }
    }

    private static string Fields(string name, IReadOnlyList<Field> fields, ReadOnlySpan<byte> bytes)
    {
        var line = new StringBuilder(name);
        foreach (var field in fields)
        {
            ulong value = 0;
            for (int i = field.Width - 1; i >= 0; i--) value = (value << 8) | bytes[field.Offset + i];
            if (field.Kind == FieldKind.Reserved && value == 0) continue;
            line.Append(CultureInfo.InvariantCulture, $" {field.Name}=0x{value:x}");
        }

        return line.ToString();
    }

    private static IEnumerable<string> Bytes(byte[] input, int from)
    {
        for (int at = from; at < input.Length; at += BytesInLine)
        {
            var bytes = input.AsSpan(at, Math.Min(BytesInLine, input.Length - at));
            var text = string.Concat(bytes.ToArray().Select(value => value is >= 0x20 and < 0x7f ? (char)value : '.'));
            yield return $"{at:x6}  {Convert.ToHexStringLower(bytes),-32}  {text}";
        }
    }
}
