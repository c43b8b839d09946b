using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Expectations;

/// <summary>Configurations of a target, which reports show behind its version: a glob, <c>pci*</c>, or all but those of one, <c>!*packed*</c>.</summary>
internal sealed class ConfigurationCondition
{
    private readonly string text;
    private readonly bool isDenied;
    private readonly Glob glob;

    /// <summary>Reads a condition; throws <see cref="FormatException"/> with the cause.</summary>
    public ConfigurationCondition(string text)
    {
        (this.text, isDenied) = (text, text[0] == '!');
        var pattern = isDenied ? text[1..].Trim() : text;
        if (pattern.Length == 0) throw new FormatException("'!' is no condition; write a glob behind it, such as \"!*packed*\"");
        glob = new(pattern);
    }

    public bool Holds(string configuration) => glob.Matches(configuration) != isDenied;

    public override string ToString() => text;
}
