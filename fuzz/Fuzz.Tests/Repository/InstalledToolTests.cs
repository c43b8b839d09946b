using System.Diagnostics;
using System.IO.Compression;
using System.Xml.Linq;

namespace Viommu.Fuzz.Tests.Repository;

/// <summary>The programs as .NET tools: packed, installed from the package alone, and run where there is no repository.</summary>
public sealed class InstalledToolTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tool-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_suite_is_installed_and_its_bundles_can_be_verified()
    {
        Install("conformance/Conformance", "Viommu.Conformance", "README.md", "tools/net10.0/any/conformance.dll");
        Assert.Contains("IOMMU-UNMAP-D-06.", Run(PathOf("viommu-conformance"), "list", "--only", "IOMMU-UNMAP-*"));
        Assert.Contains("bundle: run.zip", Run(PathOf("viommu-conformance"), "run", "--only", "IOMMU-UNMAP-*", "--bundle", "run.zip"));
        Assert.Contains(", this program\n", Run(PathOf("viommu-conformance"), "verify", "run.zip"));
    }

    [Fact]
    public void The_fuzzer_is_installed_with_its_corpus()
    {
        Install("fuzz/Fuzz", "Viommu.Fuzz", "README.md", "tools/net10.0/any/fuzz.dll", "tools/net10.0/any/corpus/seeds/sequence/map-and-access.viommu");
        Assert.Contains("sequence ", Run(PathOf("viommu-fuzz"), "list"));
        int shipped = Directory.GetFiles(Repo.PathOf("corpus", "seeds", "split-ring")).Length + Directory.GetFiles(Repo.PathOf("corpus", "regressions", "split-ring")).Length;
        Assert.InRange(shipped, 5, int.MaxValue);
        Assert.Contains($"{shipped} inputs, 0 red", Run(PathOf("viommu-fuzz"), "regress", "split-ring"));
        Assert.Contains("200 executions", Run(PathOf("viommu-fuzz"), "run", "sequence", "--runs", "200", "--seed", "1"));
    }

    private string PathOf(string name) => Path.Combine(_folder, "tools", OperatingSystem.IsWindows() ? $"{name}.exe" : name);

    private void Install(string project, string id, params string[] content)
    {
        string configuration = AppContext.BaseDirectory.Contains("Release", StringComparison.Ordinal) ? "Release" : "Debug";
        Run("dotnet", "pack", Repo.PathOf(project), "--no-build", "-c", configuration, "-o", Path.Combine(_folder, "packages"));
        // The version is that of Directory.Build.props, here and in every report.
        var version = (string)XDocument.Load(Repo.PathOf("Directory.Build.props")).Descendants("Version").Single();
        Assert.Equal(Conformance.Reports.Tool.Version, version);
        string package = Path.Combine(_folder, "packages", $"{id}.{version}.nupkg");
        using (var zip = ZipFile.OpenRead(package)) Assert.Empty(content.Except(zip.Entries.Select(entry => entry.FullName)));

        // No feed but that folder: what is not in the package is not there.
        File.WriteAllText(Path.Combine(_folder, "NuGet.config"), "<configuration><packageSources><clear/><add key=\"packed\" value=\"packages\"/></packageSources></configuration>");
        Run("dotnet", "tool", "install", id, "--tool-path", Path.Combine(_folder, "tools"), "--configfile", Path.Combine(_folder, "NuGet.config"));
    }

    private string Run(string program, params string[] args)
    {
        var start = new ProcessStartInfo(program, args) { WorkingDirectory = _folder, RedirectStandardOutput = true, RedirectStandardError = true };
        // A package of that version that was installed from elsewhere is not the one that is meant.
        if (args[0] == "tool") start.Environment["NUGET_PACKAGES"] = Path.Combine(_folder, "cache");
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', args)}: exit code {process.ExitCode}\n{output}{errors.Result}");
        return output;
    }
}
