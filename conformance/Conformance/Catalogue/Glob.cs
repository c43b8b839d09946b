using System.Text;
using System.Text.RegularExpressions;

namespace Viommu.Conformance.Catalogue;

/// <summary>A pattern over whole ids: <c>*</c> is any run of characters, <c>?</c> any one; case does not matter.</summary>
public sealed class Glob
{
    private readonly Regex regex;

    /// <summary>Makes the pattern; every other character stands for itself.</summary>
    public Glob(string pattern)
    {
        Pattern = pattern;
        var expression = new StringBuilder("^");
        foreach (char c in pattern)
            expression.Append(c switch { '*' => ".*", '?' => ".", _ => Regex.Escape(c.ToString()) });
        // The non-backtracking engine is linear in the text whatever the user's pattern is.
        regex = new Regex(expression.Append('$').ToString(),
            RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.Singleline | RegexOptions.NonBacktracking);
    }

    /// <summary>The pattern as written.</summary>
    public string Pattern { get; }

    /// <summary>True where the pattern names one id.</summary>
    public bool IsExact => !Pattern.Contains('*') && !Pattern.Contains('?');

    /// <summary>True where the whole of <paramref name="text"/> fits.</summary>
    public bool Matches(string text) => regex.IsMatch(text);

    /// <inheritdoc/>
    public override string ToString() => Pattern;
}
