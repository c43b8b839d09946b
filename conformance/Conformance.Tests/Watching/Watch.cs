using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;
using Viommu.Conformance.Watching;
using Viommu.Conformance.Watching.Traces;

namespace Viommu.Conformance.Tests.Watching;

/// <summary>What the rules say of a recorded trace.</summary>
internal static class Watch
{
    public static IReadOnlyList<DriverRule> Rules { get; } = RuleRegistry.Find(typeof(RuleRegistry).Assembly, ClauseCatalogue.Load());

    /// <summary>Where recorded traces are kept.</summary>
    public static string Traces { get; } = Path.Combine(FindRoot(), "corpus", "traces");

    /// <summary>Where the recordings are that those were cut from, on the machines that have them.</summary>
    public static string WholeTraces { get; } = Path.Combine(FindRoot(), "..", "shared", "traces");

    public static IReadOnlyList<CheckResult> Trace(string path)
    {
        var watcher = new Watcher(Rules);
        TraceFile.Replay(path, watcher.See);
        return watcher.Results();
    }

    /// <summary>A trace of these lines.</summary>
    public static IReadOnlyList<CheckResult> Lines(IEnumerable<string> lines)
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllLines(path, lines);
            return Trace(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Fails where a rule was broken, or could not be judged.</summary>
    public static void AccusesNobody(IReadOnlyList<CheckResult> results) => Assert.All(results, result => Assert.True(
        result.Verdict is Verdict.Pass or Verdict.NotApplicable,
        $"{result.Check.Id}: {result.Verdict.Name()} {result.Expected}; {result.Actual}\n{string.Join('\n', result.Evidence)}"));

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Conformance.sln"))) directory = directory.Parent!;
        return directory.FullName;
    }
}
