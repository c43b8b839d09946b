namespace Viommu.Fuzz.Reports;

/// <summary>A source file as tools that know nothing of edges see it.</summary>
/// <param name="Path">Where the compiler found it.</param>
/// <param name="Lines">Its lines that are code, in their order.</param>
/// <param name="Methods">Its methods.</param>
internal sealed record CoveredFile(string Path, IReadOnlyList<CoveredLine> Lines, IReadOnlyList<CoveredMethod> Methods)
{
    /// <summary>The path as it stands in reports: from the working directory on where the file is below it.</summary>
    public string ShownPath => Path.StartsWith(Root, StringComparison.Ordinal) ? Path[Root.Length..] : Path;

    /// <summary>The folder that paths are shown from, with a slash behind it.</summary>
    public static string Root => Environment.CurrentDirectory.TrimEnd('/') + "/";
}

/// <summary>A line.</summary>
/// <param name="Number">Its number, from 1.</param>
/// <param name="IsReached">True where it is executed.</param>
/// <param name="Branches">For each edge that leads to it, whether it is taken.</param>
internal sealed record CoveredLine(int Number, bool IsReached, IReadOnlyList<bool> Branches);

/// <summary>A method; overloads are one.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Line">Its first line.</param>
/// <param name="IsReached">True where it is executed.</param>
internal sealed record CoveredMethod(string Name, int Line, bool IsReached);
