using System.Text.Encodings.Web;
using System.Text.Json;

namespace Viommu.Fuzz.Reports;

/// <summary>A finding as it is kept beside its input.</summary>
/// <param name="Key">The finding key.</param>
/// <param name="Target">The fuzz target.</param>
/// <param name="Device">The device that it was found on, as <c>--device</c> takes it; null where the file does not say.</param>
/// <param name="Seed">The seed of the campaign that found it; null where that is not known.</param>
/// <param name="Message">What was expected and what came.</param>
/// <param name="Details">The stack trace, where there is one.</param>
/// <param name="Input">File of the input, in the same folder.</param>
internal sealed record FindingRecord(string Key, string Target, string? Device, ulong? Seed, string Message, string Details, string Input)
{
    /// <summary>File of the input as it was found, where a smaller one is kept; in the same folder.</summary>
    public string? Original { get; init; }

    /// <summary>What there is to say of it; null where the file does not say.</summary>
    public FindingStory? Story { get; init; }

    public static JsonSerializerOptions Options { get; } = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What a campaign has kept of an input beside it, and the file; null where it has kept nothing.</summary>
    public static (FindingRecord Record, string File)? Beside(string input)
    {
        const string Original = ".original";
        string name = Path.GetFileNameWithoutExtension(input);
        if (name.EndsWith(Original, StringComparison.Ordinal)) name = name[..^Original.Length];
        string file = Path.Combine(Path.GetDirectoryName(input) ?? "", $"{name}.json");
        if (!File.Exists(file)) return null;
        try
        {
            return JsonSerializer.Deserialize<FindingRecord>(File.ReadAllText(file), Options) is { Target: not null } record
                && (record.Input == Path.GetFileName(input) || record.Original == Path.GetFileName(input)) ? (record, file) : null;
        }
        catch (JsonException)
        {
            // Of something else that has the same name.
            return null;
        }
    }

    /// <summary>The command that shows a finding again.</summary>
    public static string ReplayCommand(string target, string device, string file) => $"fuzz replay --target {target} --device {Quoted(device)} {Quoted(file)}";

    // As shells take it: names of broken devices are sentences.
    private static string Quoted(string word) =>
        word.All(letter => char.IsAsciiLetterOrDigit(letter) || "-_./:=+,".Contains(letter, StringComparison.Ordinal)) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
