using System.Globalization;
using System.Text;

namespace Viommu.Guest.Targets.Processes;

/// <summary>The last lines of a program's output: bounded whatever the program writes, and safe to print.</summary>
internal sealed class OutputTail(int maxLines)
{
    private const int MaxLineBytes = 400;

    private readonly Lock _gate = new();
    private readonly Queue<string> _lines = new();
    private readonly byte[] _line = new byte[MaxLineBytes];
    private int _length;

    /// <summary>Adds output; what exceeds a line's limit is dropped up to the next end of line.</summary>
    public void Append(ReadOnlySpan<byte> output)
    {
        lock (_gate)
        {
            foreach (var value in output)
            {
                if (value == (byte)'\n') EndLine();
                else if (_length < MaxLineBytes) _line[_length++] = value;
            }
        }
    }

    /// <summary>The lines kept, oldest first, an unfinished one included.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_gate)
            {
                var unfinished = Printable(_line.AsSpan(0, _length));
                return unfinished.Length == 0 ? [.. _lines] : [.. _lines, unfinished];
            }
        }
    }

    private void EndLine()
    {
        var line = Printable(_line.AsSpan(0, _length));
        _length = 0;
        if (line.Length == 0) return;
        if (_lines.Count == maxLines) _lines.Dequeue();
        _lines.Enqueue(line);
    }

    // A terminal or an HTML report must not be steered by what a crashing program prints: control and format characters go.
    private static string Printable(ReadOnlySpan<byte> line)
    {
        var text = new StringBuilder(line.Length);
        foreach (var character in Encoding.UTF8.GetString(line))
        {
            if (character == '\t') text.Append(' ');
            else if (char.GetUnicodeCategory(character) is not (UnicodeCategory.Control or UnicodeCategory.Format)) text.Append(character);
        }
        return text.ToString().Trim();
    }
}
