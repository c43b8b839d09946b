namespace Viommu.Guest.Targets.Served;

/// <summary>A <see cref="TargetShape"/> in the words of <c>start</c>.</summary>
internal static class ShapeWords
{
    private const string Offering = "offering";
    private const string Withholding = "withholding";
    private const string Bypass = "bypass";
    private const string PageSizeMask = "page_size_mask";
    private const string InputRange = "input_range";
    private const string Reserved = "reserved";

    /// <summary>The words, each <c>key=value</c>; none for the device as it is.</summary>
    public static IEnumerable<string> Of(TargetShape shape)
    {
        if (shape.Offering != 0) yield return $"{Offering}={Wording.Number(shape.Offering)}";
        if (shape.Withholding != 0) yield return $"{Withholding}={Wording.Number(shape.Withholding)}";
        if (shape.InitialBypass is { } bypass) yield return $"{Bypass}={Wording.Number(bypass ? 1u : 0)}";
        if (shape.PageSizeMask is { } mask) yield return $"{PageSizeMask}={Wording.Number(mask)}";
        if (shape.InputRange is { } range) yield return $"{InputRange}={Wording.Range(range)}";
        if (shape.ReservedForSecondEndpoint is { } region) yield return $"{Reserved}={Wording.Range(region)}";
    }

    /// <summary>What the words say. Throws <see cref="FormatException"/>.</summary>
    public static TargetShape Parse(IEnumerable<string> words) => words.Select(Wording.Pair).Aggregate(TargetShape.Default, (shape, word) => word.Key switch
    {
        Offering => shape with { Offering = Wording.Number(word.Value, Offering) },
        Withholding => shape with { Withholding = Wording.Number(word.Value, Withholding) },
        Bypass => shape with { InitialBypass = Wording.Number(word.Value, Bypass, most: 1) == 1 },
        PageSizeMask => shape with { PageSizeMask = Wording.Number(word.Value, PageSizeMask) },
        InputRange => shape with { InputRange = Wording.Range(word.Value, InputRange) },
        Reserved => shape with { ReservedForSecondEndpoint = Wording.Range(word.Value, Reserved) },
        _ => throw new FormatException(
            $"'{word.Key}' is unknown; there are {Offering}, {Withholding}, {Bypass}, {PageSizeMask}, {InputRange} and {Reserved}"),
    });
}
