using System.Globalization;
using System.Text;

namespace Viommu.Fuzz.Reports;

/// <summary>Coverage as lcov's trace files have it (<c>man geninfo</c>), for genhtml and the services that read them. Every edge is a branch of the line that it leads to.</summary>
internal static class LcovReport
{
    /// <summary>The text of the file.</summary>
    public static string Render(CoverageReport report)
    {
        var text = new StringBuilder("TN:\n");
        foreach (var file in report.Files) Append(text, file);
        return text.ToString();
    }

    private static void Append(StringBuilder text, CoveredFile file)
    {
        Line($"SF:{file.ShownPath}");
        foreach (var method in file.Methods) Line($"FN:{method.Line},{method.Name}");
        foreach (var method in file.Methods) Line($"FNDA:{Hits(method.IsReached)},{method.Name}");
        Line($"FNF:{file.Methods.Count}");
        Line($"FNH:{file.Methods.Count(method => method.IsReached)}");
        foreach (var line in file.Lines)
        {
            // What stands in a line that is never executed was not there to be taken.
            for (int branch = 0; branch < line.Branches.Count; branch++) Line($"BRDA:{line.Number},0,{branch},{(line.IsReached ? Hits(line.Branches[branch]) : "-")}");
        }

        Line($"BRF:{file.Lines.Sum(line => line.Branches.Count)}");
        Line($"BRH:{file.Lines.Sum(line => line.Branches.Count(isTaken => isTaken))}");
        foreach (var line in file.Lines) Line($"DA:{line.Number},{Hits(line.IsReached)}");
        Line($"LF:{file.Lines.Count}");
        Line($"LH:{file.Lines.Count(line => line.IsReached)}");
        Line($"end_of_record");

        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    // How often is not kept: inputs are there for what they reach.
    private static string Hits(bool isReached) => isReached ? "1" : "0";
}
