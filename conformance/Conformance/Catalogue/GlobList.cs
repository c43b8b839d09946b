using System.Text;

namespace Viommu.Conformance.Catalogue;

/// <summary>Globs as users give them: one by one, or <c>@FILE</c> for those of a file, one a line, with <c>#</c> before a comment.</summary>
internal static class GlobList
{
    private const int MaxBytes = 1 << 20;

    /// <summary>The globs that <paramref name="given"/> name; throws <see cref="FormatException"/>, naming the file, where one cannot be read or holds none.</summary>
    public static IReadOnlyList<Glob> Read(IEnumerable<string> given) =>
        [.. given.SelectMany(text => text.StartsWith('@') ? Lines(text[1..]) : [text]).Select(pattern => new Glob(pattern))];

    private static List<string> Lines(string file)
    {
        try
        {
            using var stream = File.OpenRead(file);
            var bytes = new byte[MaxBytes + 1];
            int length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > MaxBytes) throw new FormatException($"{file}: longer than {MaxBytes} bytes, which no list of ids is");
            var patterns = Encoding.UTF8.GetString(bytes, 0, length).ReplaceLineEndings("\n").Split('\n')
                .Select(line => line.Split('#')[0].Trim()).Where(line => line.Length > 0).ToList();
            return patterns.Count > 0 ? patterns : throw new FormatException($"{file}: there is no id in it");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new FormatException($"{file}: cannot be read: {e.Message}", e);
        }
    }
}
