namespace Viommu.Conformance.Catalogue;

/// <summary>Tab-separated tables that travel inside the assembly: a header line, then one row a line, no quoting.</summary>
internal static class Tsv
{
    /// <summary>The rows of an embedded table; throws <see cref="InvalidDataException"/> where the header or a row is not as it has to be.</summary>
    public static IEnumerable<string[]> Embedded(string name, string header)
    {
        var resource = $"Viommu.Conformance.Catalogue.{name}";
        using var stream = typeof(Tsv).Assembly.GetManifestResourceStream(resource)
            ?? throw new InvalidDataException($"{resource} is not embedded");
        using var reader = new StreamReader(stream);
        return [.. Rows(name, header, reader.ReadToEnd())];
    }

    /// <summary>The rows of a table's text.</summary>
    public static IEnumerable<string[]> Rows(string name, string header, string text)
    {
        var lines = text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
        var columns = header.Split('\t').Length;
        if (lines[0] != header) throw new InvalidDataException($"{name}:1: the header is not the expected one");
        for (int line = 1; line < lines.Length; line++)
        {
            var cells = lines[line].Split('\t');
            if (cells.Length != columns || cells.Any(string.IsNullOrWhiteSpace))
                throw new InvalidDataException($"{name}:{line + 1}: {columns} cells expected, none of them empty");
            yield return cells;
        }
    }
}
