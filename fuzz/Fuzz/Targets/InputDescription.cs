using System.Globalization;
using System.Text;
using Viommu.Fuzz.Engine.Mutation;

namespace Viommu.Fuzz.Targets;

/// <summary>An input as people read it: header and records by their fields, and bytes where there are none.</summary>
internal static class InputDescription
{
    private const int BytesInLine = 16;

    /// <summary>All of an input, in lines; steps are numbered from 1.</summary>
    public static IEnumerable<string> Of(InputShape shape, byte[] input)
    {
        if (HeaderOf(shape, input) is { } header) yield return header;
        foreach (var line in BytesOf(shape, input)) yield return line;
        int number = 0;
        foreach (var step in StepsOf(shape, input)) yield return string.Create(CultureInfo.InvariantCulture, $"{++number,3} {step}");
    }

    /// <summary>The fields before the records; null where there are none.</summary>
    public static string? HeaderOf(InputShape shape, byte[] input) =>
        shape.Header.Count > 0 && input.Length >= shape.HeaderSize ? Fields("header", shape.Header, input) : null;

    /// <summary>The records, one of them a line.</summary>
    public static IReadOnlyList<string> StepsOf(InputShape shape, byte[] input)
    {
        var steps = new List<string>();
        for (int i = 0; !shape.IsBytes && i < shape.RecordsIn(input.Length); i++) steps.Add(StepOf(shape, input, i));
        return steps;
    }

    /// <summary>One record.</summary>
    public static string StepOf(InputShape shape, ReadOnlySpan<byte> input, int index)
    {
        var record = input.Slice(shape.HeaderSize + (index * shape.RecordSize), shape.RecordSize);
        var kind = shape.Kinds[shape.KindOf(record[0])];
        return Fields(kind.Name, kind.Fields, record);
    }

    /// <summary>The bytes behind the header of an input that has no records.</summary>
    public static IEnumerable<string> BytesOf(InputShape shape, byte[] input) => shape.IsBytes ? Bytes(input, shape.HeaderSize) : [];

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
