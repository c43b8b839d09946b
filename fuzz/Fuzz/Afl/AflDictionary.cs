using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Afl;

/// <summary>
/// What AFL++ is told of a target: the numbers of the spec as they stand in inputs, the values that fields are known to take, and the steps of
/// the seeds, whole.
/// </summary>
internal static class AflDictionary
{
    // afl-fuzz tries every token at every place: more than a few hundred would keep it busy.
    private const int MostTokens = 256;
    private const int LongestToken = 128;

    /// <summary>The tokens by name; no two have the same bytes.</summary>
    public static IReadOnlyList<(string Name, byte[] Bytes)> Tokens(TargetInfo target) =>
    [
        .. target.Tokens.Select(token => ("word", token))
            .Concat(target.Constants.Select(constant => (constant.Name, Bytes(constant.Value, constant.Width))))
            .Concat(FieldValues(target))
            .Concat(Steps(target))
            .Where(token => token.Item2.Length is > 1 and <= LongestToken)
            .DistinctBy(token => Convert.ToHexString(token.Item2))
            .Take(MostTokens),
    ];

    /// <summary>As the target hands them to afl-fuzz: for each its length in a byte, and its bytes.</summary>
    public static byte[] Encode(TargetInfo target) => [.. Tokens(target).SelectMany(token => (byte[])[(byte)token.Bytes.Length, .. token.Bytes])];

    /// <summary>As a file for <c>afl-fuzz -x</c> and other fuzzers.</summary>
    public static string ToText(TargetInfo target)
    {
        var text = new StringBuilder($"# {target.Name}: {target.Summary}\n");
        int number = 0;
        foreach (var (name, bytes) in Tokens(target))
            text.Append(CultureInfo.InvariantCulture, $"{name}_{number++}=\"{string.Concat(bytes.Select(b => $"\\x{b:x2}"))}\"\n");
        return text.ToString();
    }

    private static IEnumerable<(string, byte[])> FieldValues(TargetInfo target) =>
        from field in target.Shape.Header.Concat(target.Shape.Kinds.SelectMany(kind => kind.Fields))
        from value in field.Values
        select (field.Name.Replace('.', '_'), Bytes(value, field.Width));

    private static IEnumerable<(string, byte[])> Steps(TargetInfo target)
    {
        var shape = target.Shape;
        if (shape.IsBytes) yield break;
        foreach (var seed in target.Seeds())
        {
            for (int step = 0; step < shape.RecordsIn(seed.Input.Length); step++)
                yield return ("step", seed.Input[(shape.HeaderSize + (step * shape.RecordSize))..][..shape.RecordSize]);
        }
    }

    private static byte[] Bytes(ulong value, int width)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes[..width];
    }
}
