using System.Globalization;
using System.Text;
using Viommu.Conformance.Files;
using Viommu.Conformance.Program;

namespace Viommu.Fuzz.Afl;

/// <summary>
/// A dictionary of the user's, in the syntax of <c>afl-fuzz -x</c> and libFuzzer: a token in quotes on each line, with a name and <c>=</c> before it where
/// it has one; <c>\\</c>, <c>\"</c> and <c>\xNN</c> stand for what cannot stand there. A level behind the name (<c>name@2</c>) is read, and all levels count.
/// </summary>
internal static class DictionaryFile
{
    private const int LongestToken = 128;
    private const int LargestFile = 1 << 20;

    /// <summary>Reads a file; throws <see cref="UsageException"/> with file, line and cause.</summary>
    public static IReadOnlyList<byte[]> Load(string path)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > LargestFile }) throw new UsageException($"{path}: longer than {LargestFile} bytes, which no dictionary is");
            return Parse(path, File.ReadAllText(path, Encoding.Latin1));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new UsageException($"{path}: cannot be read: {e.Message}");
        }
    }

    /// <summary>Reads the text of a file that errors call <paramref name="name"/>.</summary>
    public static IReadOnlyList<byte[]> Parse(string name, string text)
    {
        var tokens = new List<byte[]>();
        int number = 0;
        foreach (var line in text.Split('\n').Select(line => line.Trim()))
        {
            number++;
            if (line.Length == 0 || line[0] == '#') continue;
            try
            {
                tokens.Add(TokenOf(line));
            }
            catch (FormatException e)
            {
                throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"{name}:{number}: {e.Message}"));
            }
        }

        return tokens.Count > 0 ? tokens : throw new UsageException($"{name}: has no token; a line reads name=\"\\x01\\x02\"");
    }

    private static byte[] TokenOf(string line)
    {
        int quote = line.IndexOf('"', StringComparison.Ordinal);
        if (quote < 0) throw new FormatException("there is no token in quotes");
        if (line.Length == quote + 1 || line[^1] != '"') throw new FormatException("the token has no closing quote at the end of the line");
        string name = line[..quote].TrimEnd();
        if (name.Length > 0 && !name.EndsWith('=')) throw new FormatException($"'{Shown(name)}' before the token is no name with '=' behind it");
        foreach (char letter in name.TrimEnd('=').TrimEnd())
        {
            if (!char.IsAsciiLetterOrDigit(letter) && letter is not ('_' or '-' or '.' or '@')) throw new FormatException($"'{Shown(letter.ToString())}' cannot stand in a name");
        }

        var bytes = Unescape(line[(quote + 1)..^1]);
        if (bytes.Length == 0) throw new FormatException("the token is empty");
        return bytes.Length <= LongestToken ? bytes : throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"the token has {bytes.Length} bytes, more than {LongestToken}"));
    }

    private static byte[] Unescape(string text)
    {
        var bytes = new List<byte>();
        for (int at = 0; at < text.Length; at++)
        {
            char letter = text[at];
            if (letter is < ' ' or > '~') throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"the byte 0x{(int)letter:x2} has to be written \\x{(int)letter:x2}"));
            if (letter == '"') throw new FormatException("a quote in the token has to be written \\\"");
            if (letter != '\\')
            {
                bytes.Add((byte)letter);
                continue;
            }

            if (at + 1 == text.Length) throw new FormatException("the token has no closing quote: its last is escaped");
            switch (text[++at])
            {
                case '\\' or '"':
                    bytes.Add((byte)text[at]);
                    break;
                case 'x' when at + 2 < text.Length && byte.TryParse(text.AsSpan(at + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value):
                    bytes.Add(value);
                    at += 2;
                    break;
                case 'x':
                    throw new FormatException("\\x takes two hexadecimal digits");
                default:
                    throw new FormatException($"'\\{Shown(text[at].ToString())}' is unknown; there are \\\\, \\\" and \\xNN");
            }
        }

        return [.. bytes];
    }

    private static string Shown(string text) => ForeignText.Shorten(string.Concat(text.Select(letter => letter is < ' ' or > '~' ? '?' : letter)));
}
