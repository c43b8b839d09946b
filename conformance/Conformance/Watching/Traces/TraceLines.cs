using System.IO.Compression;
using System.Text;

namespace Viommu.Conformance.Watching.Traces;

/// <summary>The lines of a trace, compressed with gzip or not, one at a time: neither a long line nor a bomb of zeros fills memory.</summary>
internal static class TraceLines
{
    // The longest line of a capture is a PROBE with its configuration, a few thousand characters.
    private const int LongestLine = 1 << 20;

    /// <summary>Numbered from 1, without their ends; throws <see cref="TraceFormatException"/> where the file cannot be read.</summary>
    public static IEnumerable<(long Number, string Text)> Read(string path)
    {
        using var file = Guard(path, 0, () => File.OpenRead(path));
        using var content = Guard(path, 0, () => Unpacked(file));
        using var reader = new StreamReader(content, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        for (long number = 1; Guard(path, number, () => ReadLine(reader, path, number)) is { } line; number++) yield return (number, line);
    }

    private static Stream Unpacked(FileStream file)
    {
        Span<byte> magic = stackalloc byte[2];
        var isGzip = file.ReadAtLeast(magic, 2, throwOnEndOfStream: false) == 2 && magic is [0x1f, 0x8b];
        file.Position = 0;
        return isGzip ? new GZipStream(file, CompressionMode.Decompress) : file;
    }

    private static string? ReadLine(StreamReader reader, string path, long number)
    {
        var line = new StringBuilder();
        for (int next; (next = reader.Read()) >= 0;)
        {
            if (next == '\n') return line.ToString().TrimEnd('\r');
            if (line.Length == LongestLine) throw new TraceFormatException(path, number, $"the line has more than {LongestLine} characters");
            line.Append((char)next);
        }
        return line.Length == 0 ? null : line.ToString();
    }

    private static T Guard<T>(string path, long number, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or ArgumentException or NotSupportedException)
        {
            throw number == 0 ? new TraceFormatException(path, $"cannot be read: {e.Message}", e) : new TraceFormatException(path, number, $"cannot be read: {e.Message}");
        }
    }
}
