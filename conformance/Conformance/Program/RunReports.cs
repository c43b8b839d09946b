using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Reports;

namespace Viommu.Conformance.Program;

/// <summary>The reports that a run leaves in its folder.</summary>
internal static class RunReports
{
    /// <summary>All of them, in the words of a version of the spec.</summary>
    public static IReadOnlyList<IReport> Of(CliHost host, SpecVersion spec)
    {
        var catalogue = host.Catalogue.At(spec);
        return [new JsonReport(), new JUnitReport(), new MarkdownReport(catalogue), new SarifReport(catalogue), new HtmlReport(host.Trace(spec))];
    }

    /// <summary>Where they are, in a line.</summary>
    public static string In(string folder) => $"{Path.Combine(folder, "index.html")}, results.json, junit.xml, summary.md, results.sarif";
}
