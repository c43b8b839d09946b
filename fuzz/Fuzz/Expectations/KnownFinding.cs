using Viommu.Conformance.Catalogue;

namespace Viommu.Fuzz.Expectations;

/// <summary>One entry of a file of known findings.</summary>
/// <param name="Key">Keys of the findings.</param>
/// <param name="Reason">Why they are there; for whoever reads the file next.</param>
/// <param name="Url">Where they are tracked.</param>
internal sealed record KnownFinding(Glob Key, string Reason, string Url)
{
    /// <summary>Names of the fuzz targets it is about; null for all.</summary>
    public Glob? Target { get; init; }

    /// <summary>Names of the devices it is about; null for all.</summary>
    public Glob? Device { get; init; }

    /// <summary>The last day on which it holds; null for ever.</summary>
    public DateOnly? Expires { get; init; }

    /// <summary>File and line, <c>file:line</c>.</summary>
    public required string Where { get; init; }

    public bool IsAbout(string target, string device) => Target?.Matches(target) != false && Device?.Matches(device) != false;
}
