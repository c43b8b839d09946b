using System.Buffers.Binary;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Afl;

/// <summary>The dictionary as AFL++ takes it: for each token its length in a byte, and its bytes.</summary>
internal static class AflDictionary
{
    // afl-fuzz tries every token at every place: more than a few hundred would keep it busy.
    private const int MostTokens = 256;
    private const int LongestToken = 128;

    public static byte[] Encode(TargetInfo target)
    {
        var fields = target.Shape.Kinds.SelectMany(kind => kind.Fields).Concat(target.Shape.Header);
        var values = target.Values.Concat(fields.SelectMany(field => field.Values)).Where(value => value > byte.MaxValue);
        var tokens = target.Tokens.Where(token => token.Length is > 1 and <= LongestToken)
            .Concat(values.Distinct().Select(value => Bytes(value, value > uint.MaxValue ? 8 : 4))).Take(MostTokens);
        return [.. tokens.SelectMany(token => (byte[])[(byte)token.Length, .. token])];
    }

    private static byte[] Bytes(ulong value, int width)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes[..width];
    }
}
