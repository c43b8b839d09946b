using System.Globalization;

namespace Viommu.Guest.Targets.Served;

/// <summary>Numbers, bytes and ranges as both sides write them.</summary>
internal static class Wording
{
    /// <summary>A number: hexadecimal, behind 0x.</summary>
    public static string Number(ulong value) => $"0x{value:x}";

    /// <summary>A number that fits into <paramref name="width"/> bytes.</summary>
    public static bool TryNumber(ReadOnlySpan<char> text, int width, out ulong value)
    {
        value = 0;
        return text.StartsWith("0x", StringComparison.Ordinal)
            && ulong.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            && (width == sizeof(ulong) || value >> (8 * width) == 0);
    }

    /// <summary>A number. Throws <see cref="FormatException"/>, in which <paramref name="what"/> is what it would be.</summary>
    public static ulong Number(ReadOnlySpan<char> text, string what, ulong most = ulong.MaxValue) =>
        TryNumber(text, sizeof(ulong), out var value) && value <= most
            ? value
            : throw new FormatException($"'{text}' is no {what}: {(most == ulong.MaxValue ? "a number" : $"a number up to {Number(most)}")} is needed, in hexadecimal behind 0x");

    /// <summary>A range, its last number included.</summary>
    public static string Range(AddressWindow range) => $"{Number(range.First)}..{Number(range.Last)}";

    /// <summary>A range. Throws <see cref="FormatException"/>.</summary>
    public static AddressWindow Range(string text, string what, ulong most = ulong.MaxValue)
    {
        var parts = text.Split("..");
        if (parts.Length != 2) throw new FormatException($"'{text}' is no {what}: FIRST..LAST is needed");
        var range = new AddressWindow(Number(parts[0], what, most), Number(parts[1], what, most));
        return range.First <= range.Last ? range : throw new FormatException($"'{text}' is no {what}: it ends before it begins");
    }

    /// <summary>A word <c>key=value</c> in two. Throws <see cref="FormatException"/>.</summary>
    public static (string Key, string Value) Pair(string word) => word.IndexOf('=', StringComparison.Ordinal) is > 0 and var at && at + 1 < word.Length
        ? (word[..at], word[(at + 1)..])
        : throw new FormatException($"'{word}' is not KEY=VALUE");
}
