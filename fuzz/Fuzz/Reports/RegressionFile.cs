using System.Text;
using System.Xml;

namespace Viommu.Fuzz.Reports;

/// <summary>What became of an input that was run again.</summary>
/// <param name="Target">The fuzz target.</param>
/// <param name="File">The input, or the folder of what is no input.</param>
/// <param name="IsRun">False where it could not be run.</param>
/// <param name="Message">What is broken; empty where nothing is.</param>
/// <param name="Lines">The story of that.</param>
internal sealed record RegressionResult(string Target, string File, bool IsRun, string Message, IReadOnlyList<string> Lines)
{
    /// <summary>Why that is known, and where it is tracked; null where it is not.</summary>
    public string? Known { get; init; }

    public bool IsRed => Message.Length > 0 && Known is null;
}

/// <summary>Inputs that were run again, as JUnit: a suite for each target, a test case for each input.</summary>
internal static class RegressionFile
{
    public static string JUnit(IReadOnlyCollection<RegressionResult> results)
    {
        var text = new StringBuilder();
        using (var xml = XmlWriter.Create(text, new XmlWriterSettings { Indent = true, OmitXmlDeclaration = true, NewLineChars = "\n" }))
        {
            xml.WriteStartElement("testsuites");
            foreach (var target in results.GroupBy(result => result.Target))
            {
                xml.WriteStartElement("testsuite");
                xml.WriteAttributeString("name", $"virtio-iommu regressions: {target.Key}");
                xml.WriteAttributeString("tests", XmlConvert.ToString(target.Count()));
                xml.WriteAttributeString("failures", XmlConvert.ToString(target.Count(result => result.IsRed)));
                xml.WriteAttributeString("skipped", XmlConvert.ToString(target.Count(result => result.Known is not null)));
                foreach (var result in target) WriteCase(xml, result);
                xml.WriteEndElement();
            }

            xml.WriteEndElement();
        }

        return "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" + text + "\n";
    }

    private static void WriteCase(XmlWriter xml, RegressionResult result)
    {
        xml.WriteStartElement("testcase");
        xml.WriteAttributeString("classname", $"fuzz.{result.Target}");
        xml.WriteAttributeString("name", FindingFiles.Printable(result.File));
        if (result.IsRed)
        {
            xml.WriteStartElement("failure");
            xml.WriteAttributeString("message", FindingFiles.Printable(result.Message));
            xml.WriteString(FindingFiles.Printable(string.Join('\n', result.Lines)));
            xml.WriteEndElement();
        }
        else if (result.Known is { } known)
        {
            xml.WriteStartElement("skipped");
            xml.WriteAttributeString("message", FindingFiles.Printable($"{result.Message}: {known}"));
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }
}
