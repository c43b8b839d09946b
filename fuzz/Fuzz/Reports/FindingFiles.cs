using System.Text;
using System.Text.Json;
using System.Xml;
using Viommu.Conformance.Catalogue;
using Viommu.Fuzz.Expectations;

namespace Viommu.Fuzz.Reports;

/// <summary>Findings in the two formats that CI systems read.</summary>
internal static class FindingFiles
{
    /// <summary>JUnit: a test case that failed for each new finding, one that was skipped for each known one, and one that passed where there are none.</summary>
    public static string JUnit(CampaignOutcome outcome)
    {
        var (target, findings, stale) = (outcome.Target, outcome.Found, outcome.Stale);
        var text = new StringBuilder();
        using (var xml = XmlWriter.Create(text, new XmlWriterSettings { Indent = true, OmitXmlDeclaration = true, NewLineChars = "\n" }))
        {
            xml.WriteStartElement("testsuites");
            xml.WriteStartElement("testsuite");
            xml.WriteAttributeString("name", $"virtio-iommu fuzzing: {target}");
            xml.WriteAttributeString("tests", XmlConvert.ToString(Math.Max(1, findings.Count + stale.Count)));
            xml.WriteAttributeString("failures", XmlConvert.ToString(outcome.New.Count() + stale.Count));
            xml.WriteAttributeString("skipped", XmlConvert.ToString(outcome.Known.Count()));
            if (findings.Count + stale.Count == 0) WriteCase(xml, target, "no findings", null);
            foreach (var line in stale) WriteStale(xml, line);
            foreach (var found in findings) WriteCase(xml, target, found.Finding.Key.ToString(), found);
        }

        return "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" + text + "\n";
    }

    /// <summary>SARIF 2.1.0: a rule for each clause or invariant, a result for each finding.</summary>
    public static string Sarif(CampaignOutcome outcome)
    {
        var findings = outcome.Found;
        var catalogue = ClauseCatalogue.Load();
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("$schema", "https://json.schemastore.org/sarif-2.1.0.json");
            json.WriteString("version", "2.1.0");
            json.WriteStartArray("runs");
            json.WriteStartObject();
            json.WriteStartObject("tool");
            json.WriteStartObject("driver");
            json.WriteString("name", "virtio-iommu fuzz");
            json.WriteStartArray("rules");
            foreach (var rule in findings.Select(found => found.Finding.Key.Rule).Distinct(StringComparer.Ordinal)) WriteRule(json, rule, catalogue);

            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteStartArray("results");
            foreach (var found in findings) WriteResult(json, outcome, found, catalogue);
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    private static void WriteRule(Utf8JsonWriter json, string rule, ClauseCatalogue catalogue)
    {
        json.WriteStartObject();
        json.WriteString("id", rule);
        if (catalogue.TryGet(rule, out var clause))
        {
            json.WriteStartObject("shortDescription");
            json.WriteString("text", clause.Paraphrase);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteCase(XmlWriter xml, string target, string name, ReportedFinding? found)
    {
        xml.WriteStartElement("testcase");
        xml.WriteAttributeString("classname", $"fuzz.{target}");
        xml.WriteAttributeString("name", name);
        if (found?.Known is { } known)
        {
            xml.WriteStartElement("skipped");
            xml.WriteAttributeString("message", Printable($"known: {known.Reason} ({known.Url})"));
            xml.WriteEndElement();
        }
        else if (found is not null)
        {
            xml.WriteStartElement("failure");
            xml.WriteAttributeString("message", Printable(found.Finding.Message));
            xml.WriteString(Printable(string.Join('\n', found.Lines)));
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }

    private static void WriteStale(XmlWriter xml, string line)
    {
        xml.WriteStartElement("testcase");
        xml.WriteAttributeString("classname", "known findings");
        xml.WriteAttributeString("name", Printable(line));
        xml.WriteStartElement("failure");
        xml.WriteAttributeString("message", Printable(line));
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void WriteResult(Utf8JsonWriter json, CampaignOutcome outcome, ReportedFinding found, ClauseCatalogue catalogue)
    {
        string reproduction = found.File is null ? "its input could not be written" : $"reproduce: {FindingRecord.ReplayCommand(outcome.Target, outcome.Device, found.File)}";
        json.WriteStartObject();
        json.WriteString("ruleId", found.Finding.Key.Rule);
        json.WriteString("level", catalogue.TryGet(found.Finding.Key.Rule, out var clause) && clause.Level != Level.Must ? "warning" : "error");
        json.WriteStartObject("message");
        string summary = found.Story?.Summarize() ?? "";
        json.WriteString("text", $"{found.Finding.Message}{(summary.Length > 0 ? $". {summary}" : "")} ({reproduction})");
        json.WriteEndObject();
        json.WriteStartObject("partialFingerprints");
        json.WriteString("findingKey/v1", found.Finding.Key.ToString());
        json.WriteEndObject();
        if (found.Known is { } known) WriteSuppression(json, known);
        json.WriteStartArray("locations");
        if (found.File is not null) WriteLocation(json, found.File);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteSuppression(Utf8JsonWriter json, KnownFinding known)
    {
        json.WriteStartArray("suppressions");
        json.WriteStartObject();
        json.WriteString("kind", "external");
        json.WriteString("justification", $"{known.Reason} ({known.Url})");
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private static void WriteLocation(Utf8JsonWriter json, string file)
    {
        json.WriteStartObject();
        json.WriteStartObject("physicalLocation");
        json.WriteStartObject("artifactLocation");
        json.WriteString("uri", UriOf(file));
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    // As the file is named: from the working directory, which in CI is the repository's, or from the root.
    private static string UriOf(string file) =>
        Path.IsPathRooted(file) ? new Uri(file).AbsoluteUri : string.Join('/', file.Split(Path.DirectorySeparatorChar).Select(Uri.EscapeDataString));

    // XML has no way to write most control characters, and a message can quote what a device said.
    internal static string Printable(string text) => string.Concat(text.Select(letter => XmlConvert.IsXmlChar(letter) ? letter : '?'));
}
