using Spectre.Console;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Program;

/// <summary>Lines of plain text on a console, some of it from a device or a user: shown as it is, never obeyed.</summary>
internal static class TextLines
{
    /// <summary>Colour of a verdict.</summary>
    public static Style StyleOf(Verdict verdict) => verdict switch
    {
        Verdict.Pass => new(Color.Green),
        Verdict.Warn or Verdict.Flake or Verdict.Missing => new(Color.Yellow),
        Verdict.Fail or Verdict.Crash or Verdict.Timeout or Verdict.UnexpectedPass => new(Color.Red, decoration: Decoration.Bold),
        Verdict.Error => new(Color.Fuchsia),
        Verdict.ExpectedFailure => new(Color.Blue),
        _ => new(Color.Grey),
    };

    /// <summary>Writes a line of pieces, as they are.</summary>
    public static void Line(this IAnsiConsole console, params ReadOnlySpan<(string Text, Style? Style)> pieces)
    {
        var paragraph = new Paragraph();
        foreach (var (text, style) in pieces) paragraph.Append(PlainText.Shown(text), style);
        // One write with its line end: a live line below is drawn anew after every write.
        console.Write(paragraph.Append("\n"));
    }

    /// <summary>Writes a line of plain text.</summary>
    public static void Line(this IAnsiConsole console, string text) => console.Line((text, null));

    /// <summary>
    /// Writes a label and text, the text broken between words to the width of the console and kept in a column of its own.
    /// </summary>
    public static void Labelled(this IAnsiConsole console, string label, int column, string text, Style? labelStyle = null, Style? textStyle = null)
    {
        var head = label.PadRight(column);
        foreach (var line in Wrap(PlainText.Shown(text), Math.Max(20, console.Profile.Width - column - 1)))
        {
            console.Line((head, labelStyle), (line, textStyle));
            head = new string(' ', column);
        }
    }

    private static IEnumerable<string> Wrap(string text, int width)
    {
        foreach (var paragraph in text.Split('\n'))
        {
            var rest = paragraph;
            while (rest.Length > width)
            {
                int blank = rest.LastIndexOf(' ', width);
                int cut = blank > 0 && !string.IsNullOrWhiteSpace(rest[..blank]) ? blank
                    : rest.LastIndexOf('-', width - 1) is > 0 and var hyphen ? hyphen + 1 // ids are long words
                    : width;
                yield return rest[..cut];
                rest = rest[cut..].TrimStart(' ');
            }
            yield return rest;
        }
    }
}
