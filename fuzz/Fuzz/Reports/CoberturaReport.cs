using System.Globalization;
using System.Text;
using System.Xml;

namespace Viommu.Fuzz.Reports;

/// <summary>Coverage as Cobertura's XML (coverage-04.dtd), which GitLab, Azure DevOps, Jenkins and others show. Every edge is a branch of the line that it leads to.</summary>
internal static class CoberturaReport
{
    /// <summary>The text of the file.</summary>
    public static string Render(CoverageReport report, DateTimeOffset now)
    {
        var text = new StringBuilder();
        using (var xml = XmlWriter.Create(text, new XmlWriterSettings { Indent = true, OmitXmlDeclaration = true }))
        {
            xml.WriteStartElement("coverage");
            Rates(xml, report.CoveredLines, report.Lines, report.CoveredEdges, report.Edges);
            Attribute(xml, "lines-covered", report.CoveredLines);
            Attribute(xml, "lines-valid", report.Lines);
            Attribute(xml, "branches-covered", report.CoveredEdges);
            Attribute(xml, "branches-valid", report.Edges);
            Attribute(xml, "version", "1");
            Attribute(xml, "timestamp", now.ToUnixTimeSeconds());
            xml.WriteStartElement("sources");
            xml.WriteElementString("source", CoveredFile.Root);
            xml.WriteEndElement();
            xml.WriteStartElement("packages");
            foreach (var package in report.Files.GroupBy(file => file.ShownPath[..(file.ShownPath.LastIndexOf('/') + 1)].TrimEnd('/'))) Package(xml, package.Key, [.. package]);
            xml.WriteEndElement();
            xml.WriteEndElement();
        }

        return $"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{text}\n";
    }

    private static void Package(XmlWriter xml, string folder, IReadOnlyList<CoveredFile> files)
    {
        xml.WriteStartElement("package");
        Attribute(xml, "name", folder.Replace('/', '.'));
        Rates(xml, [.. files.SelectMany(file => file.Lines)]);
        xml.WriteStartElement("classes");
        foreach (var file in files)
        {
            xml.WriteStartElement("class");
            Attribute(xml, "name", Path.GetFileNameWithoutExtension(file.Path));
            Attribute(xml, "filename", file.ShownPath);
            Rates(xml, file.Lines);
            xml.WriteStartElement("methods");
            xml.WriteEndElement();
            xml.WriteStartElement("lines");
            foreach (var line in file.Lines) Line(xml, line);
            xml.WriteEndElement();
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void Line(XmlWriter xml, CoveredLine line)
    {
        int taken = line.Branches.Count(isTaken => isTaken);
        xml.WriteStartElement("line");
        Attribute(xml, "number", line.Number);
        // How often is not kept: inputs are there for what they reach.
        Attribute(xml, "hits", line.IsReached ? 1 : 0);
        Attribute(xml, "branch", line.Branches.Count > 0 ? "true" : "false");
        if (line.Branches.Count > 0) Attribute(xml, "condition-coverage", $"{100 * taken / line.Branches.Count}% ({taken}/{line.Branches.Count})");
        xml.WriteEndElement();
    }

    private static void Rates(XmlWriter xml, IReadOnlyList<CoveredLine> lines)
    {
        var branches = lines.SelectMany(line => line.Branches).ToList();
        Rates(xml, lines.Count(line => line.IsReached), lines.Count, branches.Count(isTaken => isTaken), branches.Count);
    }

    private static void Rates(XmlWriter xml, int lines, int allLines, int branches, int allBranches)
    {
        Attribute(xml, "line-rate", Rate(lines, allLines));
        Attribute(xml, "branch-rate", Rate(branches, allBranches));
        Attribute(xml, "complexity", 0);
    }

    private static void Attribute(XmlWriter xml, string name, IFormattable value) => Attribute(xml, name, value.ToString(null, CultureInfo.InvariantCulture));

    private static void Attribute(XmlWriter xml, string name, string value) => xml.WriteAttributeString(name, value);

    private static double Rate(int part, int all) => all == 0 ? 1 : Math.Round((double)part / all, 4);
}
