namespace Viommu.Conformance.Tests.Repository;

/// <summary>What the README and run-all.ps1 show is what CI runs.</summary>
public class ReadmeTests
{
    private static readonly string Root = FindRoot();

    [Fact]
    public void Every_command_of_the_README_is_run_by_CI() => AssertRunByCi(
        File.ReadLines(Path.Combine(Root, "README.md")).Where(line => line.StartsWith("$ ", StringComparison.Ordinal)).Select(line => line[2..]));

    [Fact]
    public void Every_line_of_run_all_is_run_by_CI() => AssertRunByCi(
        File.ReadLines(Path.Combine(Root, "run-all.ps1")).Where(line => line.StartsWith("dotnet ", StringComparison.Ordinal)));

    private static void AssertRunByCi(IEnumerable<string> commands)
    {
        var ci = File.ReadAllText(Path.Combine(Root, ".ci", "run"));
        var listed = commands.ToList();
        Assert.NotEmpty(listed);

        // CI has built before it tests, and restored before it formats.
        Assert.All(listed, command => Assert.True(
            ci.Contains(command, StringComparison.Ordinal) || ci.Contains(command.Replace("Release ", "Release --no-build ", StringComparison.Ordinal), StringComparison.Ordinal),
            $"CI does not run: {command}"));
    }

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Conformance.sln"))) directory = directory.Parent!;
        return directory.FullName;
    }
}
