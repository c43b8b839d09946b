using System.Globalization;
using System.Text;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Expectations;

namespace Viommu.Fuzz.Expectations;

/// <summary>Files of known findings: entries of the keys key, target, device, reason, url and expires.</summary>
internal static class KnownFindingFile
{
    private const string Comment = """
        # Known findings of 'fuzz run --expect', by key. What an entry names does not turn a campaign red; everything else does.
        # Keys: key (glob on finding keys), reason, url; optional: target (glob on fuzz targets), device (glob on devices),
        # expires (yyyy-mm-dd, the last day).

        """;

    private static readonly string[] _keys = ["key", "target", "device", "reason", "url", "expires"];

    /// <summary>Reads a file; throws <see cref="ExpectationFormatException"/> with file, line and cause.</summary>
    public static IReadOnlyList<KnownFinding> Load(string path) => [.. EntryFile.Load(path, _keys).Select(Read)];

    /// <summary>Reads the text of a file that errors call <paramref name="name"/>.</summary>
    public static IReadOnlyList<KnownFinding> Parse(string name, string text) => [.. EntryFile.Parse(name, text, _keys).Select(Read)];

    /// <summary>The text of a file with these entries.</summary>
    public static string Print(IReadOnlyList<KnownFinding> entries)
    {
        var text = new StringBuilder(Comment);
        if (entries.Count == 0) text.Append("[]\n");
        foreach (var entry in entries)
        {
            text.Append(CultureInfo.InvariantCulture, $"- key: {EntryFile.Quoted(entry.Key.Pattern)}\n");
            if (entry.Target is not null) text.Append(CultureInfo.InvariantCulture, $"  target: {EntryFile.Quoted(entry.Target.Pattern)}\n");
            if (entry.Device is not null) text.Append(CultureInfo.InvariantCulture, $"  device: {EntryFile.Quoted(entry.Device.Pattern)}\n");
            text.Append(CultureInfo.InvariantCulture, $"  reason: {EntryFile.Quoted(entry.Reason)}\n  url: {EntryFile.Quoted(entry.Url)}\n");
            if (entry.Expires is { } date) text.Append(CultureInfo.InvariantCulture, $"  expires: {date:yyyy-MM-dd}\n");
        }

        return text.ToString();
    }

    private static KnownFinding Read(FileEntry entry) => new(new Glob(entry.Required("key")), entry.Required("reason"), entry.Required("url"))
    {
        Target = entry.Optional("target", text => new Glob(text)),
        Device = entry.Optional("device", text => new Glob(text)),
        Expires = entry.Date("expires"),
        Where = entry.Where,
    };
}
