namespace Viommu.Fuzz.Tests.Repository;

/// <summary>The repository that the tests were built in.</summary>
internal static class Repo
{
    public static string Root { get; } = Find();

    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Conformance.sln"))) folder = folder.Parent!;
        return folder.FullName;
    }
}
