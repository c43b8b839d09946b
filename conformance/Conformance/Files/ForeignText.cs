namespace Viommu.Conformance.Files;

/// <summary>Text of files that others have written, for the words of an error: it can be of any length.</summary>
internal static class ForeignText
{
    private const int Longest = 60;

    /// <summary>The text, or its beginning where it is too long for a line.</summary>
    public static string Shorten(string text) => text.Length <= Longest ? text : $"{text[..Longest]}...";
}
