namespace Viommu.Conformance.Catalogue;

/// <summary>Whom a clause binds.</summary>
public enum Role
{
    /// <summary>The device, which is under test.</summary>
    Device,

    /// <summary>The driver.</summary>
    Driver,
}

/// <summary>One sentence of the spec that can be kept or broken: a row of the catalogue.</summary>
/// <param name="Id">FAMILY-TOPIC-D-nn for devices, FAMILY-TOPIC-V-nn for drivers; DESC-FAMILY-nn for behaviour stated without a keyword.</param>
/// <param name="Source">File of the spec's sources at v1.4-cs01, a colon, and the line of the keyword.</param>
/// <param name="Section">Title of the section.</param>
/// <param name="Role">Whom it binds.</param>
/// <param name="Keyword">The spec's keyword with its negation, for example <c>MUST NOT</c>.</param>
/// <param name="Paraphrase">What it asks for; the spec's own text wins.</param>
/// <param name="Observable">Who can see whether it is kept: <c>guest</c>, <c>dma</c>, <c>reset</c>, <c>driver</c> or <c>no</c>.</param>
/// <param name="Hint">How it can be seen.</param>
public sealed record Clause(
    string Id, string Source, string Section, Role Role, string Keyword, string Paraphrase, string Observable, string Hint)
{
    private const string Unworded = "DESC";

    /// <summary>The first version of the spec that has it.</summary>
    public SpecVersion Since { get; init; } = SpecVersion.V1_2;

    /// <summary>What the versions before say instead; empty for a clause that was always there.</summary>
    public string Before { get; init; } = "";

    /// <summary>Why breaking it opens the isolation that an IOMMU is for, although the spec words it as SHOULD; empty where it does not.</summary>
    public string SecurityReason { get; init; } = "";

    /// <summary>True for a SHOULD that isolation hangs on.</summary>
    public bool IsSecurityRelevant => SecurityReason.Length > 0;

    /// <summary>The keyword as reports show it, marked where isolation hangs on it.</summary>
    public string KeywordShown => IsSecurityRelevant ? $"{Keyword} (security)" : Keyword;

    /// <summary>How strongly it is worded.</summary>
    public Level Level => LevelOf(Keyword) ?? throw new InvalidOperationException($"{Id}: '{Keyword}' is no keyword");

    /// <summary>True where the spec says it in plain words, without a keyword; its level is then this project's reading.</summary>
    public bool IsUnworded => Id.StartsWith(Unworded + "-", StringComparison.Ordinal);

    /// <summary>The group of chapters it belongs to: <c>CORE</c>, <c>IOMMU</c> and so on; DESC-IOMMU-01 belongs to <c>IOMMU</c>.</summary>
    public string Family => Id.Split('-') is [Unworded, var family, ..] ? family : Id.Split('-')[0];

    /// <summary>File of <see cref="Source"/>.</summary>
    public string SourceFile => Source[..Source.LastIndexOf(':')];

    /// <summary>Line of <see cref="Source"/>.</summary>
    public int SourceLine => int.Parse(Source[(Source.LastIndexOf(':') + 1)..], System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Why nothing is judged by it where a version is judged by that has not got it; null where the version has it.</summary>
    public string? WhyNotIn(SpecVersion version) => Since <= version ? null : $"new in virtio {Since.Name()}";

    /// <summary>The level of a keyword of the spec, or null where it is none.</summary>
    public static Level? LevelOf(string keyword) => keyword switch
    {
        "MUST" or "MUST NOT" => Catalogue.Level.Must,
        "SHOULD" or "SHOULD NOT" => Catalogue.Level.Should,
        "MAY" => Catalogue.Level.May,
        _ => null,
    };

    /// <inheritdoc/>
    public override string ToString() => Id;
}
