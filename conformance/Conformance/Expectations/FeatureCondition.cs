using Viommu.Conformance.Files;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Expectations;

/// <summary>Features that a device has to offer, and <c>!NAME</c> such that it must not: all of them have to hold.</summary>
internal sealed class FeatureCondition
{
    private readonly string text;
    private readonly ulong offered;
    private readonly ulong absent;

    /// <summary>Reads a condition; throws <see cref="FormatException"/> with the cause.</summary>
    public FeatureCondition(string text)
    {
        this.text = text;
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (word[0] == '!') absent |= BitOf(word[1..]);
            else offered |= BitOf(word);
        }
        if ((offered & absent) != 0) throw new FormatException($"'{Features.Describe(offered & absent)}' cannot be offered and not offered");
    }

    public bool Holds(ulong features) => (features & offered) == offered && (features & absent) == 0;

    public override string ToString() => text;

    private static ulong BitOf(string name)
    {
        for (var bit = 0; bit < 64; bit++)
        {
            if (NameOf(bit).Equals(name, StringComparison.OrdinalIgnoreCase)) return 1UL << bit;
        }
        throw new FormatException($"'{ForeignText.Shorten(name)}' is no feature; write a name of the spec, such as PROBE, !PROBE where it is not offered, or bit50");
    }

    private static string NameOf(int bit) => Features.NameOf(bit).Replace(" ", "", StringComparison.Ordinal);
}
