using System.Text;

namespace Viommu.Guest.Targets.Served;

/// <summary>A command line in words: blanks part them, '...' and "..." keep them together, outside of them a backslash takes the next character as it is, and in "..." only where that means something there.</summary>
internal static class CommandWords
{
    // What a backslash takes as it is inside of "...", as POSIX shells have it (Shell Command Language, 2.2.3); before anything else it is itself.
    private const string Escapable = "\"\\$`";

    /// <summary>The words. Throws <see cref="FormatException"/> where there are none, or a quote does not end.</summary>
    public static IReadOnlyList<string> Of(string line)
    {
        var words = new List<string>();
        StringBuilder? word = null;
        char? quote = null;
        for (var at = 0; at < line.Length; at++)
        {
            var character = line[at];
            if (character == '\\' && (quote is null || (quote == '"' && at + 1 < line.Length && Escapable.Contains(line[at + 1]))))
            {
                if (++at == line.Length) throw new FormatException("there is nothing behind its last backslash");
                (word ??= new()).Append(line[at]);
            }
            else if (quote is null && character is '\'' or '"')
            {
                (quote, word) = (character, word ?? new());
            }
            else if (character == quote)
            {
                quote = null;
            }
            else if (quote is null && char.IsWhiteSpace(character))
            {
                if (word is not null) words.Add(word.ToString());
                word = null;
            }
            else
            {
                (word ??= new()).Append(character);
            }
        }
        if (quote is not null) throw new FormatException($"a {quote} does not end");
        if (word is not null) words.Add(word.ToString());
        return words is [{ Length: > 0 }, ..] ? words : throw new FormatException("it names no program");
    }
}
