using System.Globalization;
using Viommu.Fuzz.Corpora;

namespace Viommu.Fuzz.Guests;

/// <summary>
/// What a device told a guest, as text that can be read, changed and told again: <c>viommu-lies 1</c>, the steps of the guest, and a line for
/// each lie. Behind <c>#</c> is a comment.
/// </summary>
/// <param name="Steps">What the guest does (conformance/guests/init).</param>
/// <param name="Lies">In the order in which they are told.</param>
internal sealed record LieFile(string Steps, IReadOnlyList<Lie> Lies)
{
    /// <summary>How such files are called.</summary>
    public const string Extension = ".lies";

    private const string Head = "viommu-lies 1";
    private const string StepsWord = "steps ";
    private const int LongestFile = 1 << 20;
    private const int LongestLie = 1 << 12;

    private static readonly string _lineForm =
        $"'NUMBER status|used|reply|report|config|changed BYTES' with at most {LongestLie} bytes in hexadecimal is asked for, and config alone is there from power-on (0)";

    /// <summary>Reads a file; throws <see cref="CorpusException"/>, which names file, line and cause.</summary>
    public static LieFile Read(string path)
    {
        try
        {
            if (new FileInfo(path).Length > LongestFile) throw new CorpusException($"{path}: longer than {LongestFile} bytes, which no list of lies is");
            return Parse(File.ReadAllText(path), path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CorpusException($"{path}: cannot be read: {failure.Message}", failure);
        }
    }

    /// <summary>What a text says; <paramref name="name"/> is where complaints say that it is from.</summary>
    public static LieFile Parse(string text, string name)
    {
        string? steps = null;
        var lies = new List<Lie>();
        int number = 0;
        bool hasHead = false;
        foreach (string whole in text.ReplaceLineEndings("\n").Split('\n'))
        {
            number++;
            string line = whole.Split('#')[0].Trim();
            if (line.Length == 0) continue;
            if (!hasHead) hasHead = line == Head ? true : throw Wrong("it begins with 'viommu-lies 1'");
            else if (line.StartsWith(StepsWord, StringComparison.Ordinal)) steps = line[StepsWord.Length..].Trim();
            else lies.Add(ParseLie(line) ?? throw Wrong(_lineForm));
        }

        if (steps is null || steps.Any(character => !char.IsAsciiLetterOrDigit(character) && character is not (',' or ':')))
            throw new CorpusException($"{name}: a line 'steps STEP,STEP...' is missing");
        return new(steps, [.. lies.OrderBy(lie => lie.Request)]);

        CorpusException Wrong(string what) => new($"{name}:{number}: {what}");
    }

    /// <summary>The text that <see cref="Parse"/> reads, with comments in front.</summary>
    public string Print(IEnumerable<string> comments) =>
        string.Join('\n', [Head, .. comments.Select(comment => $"# {comment}"), $"{StepsWord}{Steps}", .. Lies.Select(lie => lie.ToString())]) + "\n";

    private static Lie? ParseLie(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length != 3 || !int.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out int request)) return null;
        if (words[1].Any(char.IsAsciiDigit) || !Enum.TryParse(words[1], ignoreCase: true, out LieKind kind)) return null;
        if (request == 0 && kind != LieKind.Config) return null;
        string hex = words[2];
        return hex.Length is > 0 and <= 2 * LongestLie && hex.Length % 2 == 0 && hex.All(char.IsAsciiHexDigit) ? new(request, kind, Convert.FromHexString(hex)) : null;
    }
}
