using System.Globalization;
using System.Text;
using System.Xml;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Reports;

/// <summary>
/// <c>junit.xml</c>, for CI systems: a test case per check, one per clause without a check (skipped, with the reason), and one per
/// complaint about the expectations file. What turns the run red is a failure or an error there, and nothing else is: a run that was
/// killed has to look red in a CI system that sees nothing but this file, so MISSING is an error.
/// </summary>
internal sealed class JUnitReport : IReport
{
    public string FileName => "junit.xml";

    public TimeSpan Interval => TimeSpan.FromMilliseconds(200);

    public string Render(RunSnapshot run)
    {
        var untested = run.Clauses.Where(c => c.Verdict == Verdict.NotTested).ToList();
        int failures = run.Complaints.Count + run.Checks.Count(run.IsFinding);
        int errors = run.Checks.Count(c => c.Verdict.IsHarnessFault());
        int skipped = untested.Count + run.Checks.Count(c => IsSkipped(c.Verdict));

        var text = new StringBuilder();
        using (var xml = XmlWriter.Create(text, new XmlWriterSettings { Indent = true, OmitXmlDeclaration = true, NewLineChars = "\n" }))
        {
            xml.WriteStartElement("testsuites");
            xml.WriteStartElement("testsuite");
            Attribute(xml, "name", $"virtio-iommu conformance: {run.Target}");
            Attribute(xml, "tests", Number(run.Checks.Count + untested.Count + run.Complaints.Count));
            Attribute(xml, "failures", Number(failures));
            Attribute(xml, "errors", Number(errors));
            Attribute(xml, "skipped", Number(skipped));
            Attribute(xml, "time", Seconds(run.Checks.Sum(c => c.Milliseconds)));
            foreach (var check in run.Checks) WriteCheck(xml, check, run.IsFinding(check));
            foreach (var clause in untested)
                WriteCase(xml, clause.Clause.Id, "clauses without a check", 0, () => Element(xml, "skipped", $"NOT-TESTED: {clause.Reason}", ""));
            foreach (var complaint in run.Complaints)
                WriteCase(xml, complaint, "expectations file", 0, () => Element(xml, "failure", complaint, ""));
        }
        return "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" + text + "\n";
    }

    private static bool IsSkipped(Verdict verdict) => verdict is Verdict.NotApplicable or Verdict.Skip or Verdict.ExpectedFailure;

    private static void WriteCheck(XmlWriter xml, CheckResult check, bool isFinding) =>
        WriteCase(xml, check.Check.Id, check.Check.Clauses[0], check.Milliseconds, () =>
        {
            var word = check.Verdict.Name();
            if (isFinding) Element(xml, "failure", $"{word}: {check.Actual}", Details(check));
            else if (check.Verdict == Verdict.Error) Element(xml, "error", $"{word}: {check.Actual}", Details(check));
            else if (check.Verdict == Verdict.Missing) Element(xml, "error", $"{word}: {check.Expected}", "");
            else if (check.Verdict == Verdict.ExpectedFailure) Element(xml, "skipped", $"{word}: {check.Actual}", "");
            else if (IsSkipped(check.Verdict)) Element(xml, "skipped", $"{word}: {check.Expected}", "");
            else if (check.Verdict is Verdict.Warn or Verdict.Flake) Text(xml, "system-out", $"{word}: {check.Actual}\n{Details(check)}");
        });

    private static string Details(CheckResult check) =>
        $"clauses:  {string.Join(", ", check.Check.Clauses)}\nexpected: {check.Expected}\nactual:   {check.Actual}\n{string.Join('\n', check.Evidence)}\n";

    private static void WriteCase(XmlWriter xml, string name, string group, long milliseconds, Action content)
    {
        xml.WriteStartElement("testcase");
        Attribute(xml, "name", name);
        Attribute(xml, "classname", group);
        Attribute(xml, "time", Seconds(milliseconds));
        content();
        xml.WriteEndElement();
    }

    private static void Element(XmlWriter xml, string element, string message, string content)
    {
        xml.WriteStartElement(element);
        Attribute(xml, "message", message);
        if (content.Length > 0) xml.WriteString(Xml10(content));
        xml.WriteEndElement();
    }

    private static void Text(XmlWriter xml, string element, string content) => xml.WriteElementString(element, Xml10(content));

    private static void Attribute(XmlWriter xml, string name, string value) => xml.WriteAttributeString(name, Xml10(value));

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Seconds(long milliseconds) => (milliseconds / 1000.0).ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>The text with what XML 1.0 cannot hold, not even escaped, spelt out as <c>\uXXXX</c>.</summary>
    private static string Xml10(string value)
    {
        var text = new StringBuilder(value.Length);
        for (int i = 0; i < value.Length; i++)
        {
            if (i + 1 < value.Length && XmlConvert.IsXmlSurrogatePair(value[i + 1], value[i])) text.Append(value[i]).Append(value[++i]);
            else if (XmlConvert.IsXmlChar(value[i])) text.Append(value[i]);
            else text.Append(CultureInfo.InvariantCulture, $"\\u{(int)value[i]:x4}");
        }
        return text.ToString();
    }
}
