using System.Globalization;
using System.Text;

namespace Viommu.Conformance.Reports;

/// <summary>Text from a device, or from its dying process, made fit to be shown.</summary>
internal static class PlainText
{
    /// <summary>
    /// The text with what is no character to be shown spelt out: control characters as <c>\x1b</c>, halves of surrogate pairs as
    /// <c>\ud800</c>. Line ends stay, as <c>\n</c>; a tab becomes two blanks.
    /// </summary>
    public static string Shown(string text)
    {
        var shown = new StringBuilder(text.Length);
        var lines = text.ReplaceLineEndings("\n");
        for (int i = 0; i < lines.Length; i++)
        {
            char c = lines[i];
            if (c == '\t') shown.Append("  ");
            else if (char.IsControl(c) && c != '\n') shown.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}");
            else if (i + 1 < lines.Length && char.IsSurrogatePair(c, lines[i + 1])) shown.Append(c).Append(lines[++i]);
            else if (char.IsSurrogate(c)) shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else shown.Append(c);
        }
        return shown.ToString();
    }
}
