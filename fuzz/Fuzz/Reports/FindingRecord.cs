using System.Text.Json;

namespace Viommu.Fuzz.Reports;

/// <summary>A finding as it is kept beside its input.</summary>
/// <param name="Key">The finding key.</param>
/// <param name="Target">The fuzz target.</param>
/// <param name="Message">What was expected and what came.</param>
/// <param name="Details">The stack trace, where there is one.</param>
/// <param name="Input">File of the input, in the same folder.</param>
internal sealed record FindingRecord(string Key, string Target, string Message, string Details, string Input)
{
    public static JsonSerializerOptions Options { get; } = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
}
