using System.IO.Compression;
using System.Text;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Program;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Certifying;

/// <summary>A bundle says of itself whether it is what it was.</summary>
public sealed class BundleTests
{
    [Fact]
    public void A_bundle_holds_the_reports_and_the_expectations_and_holds_together()
    {
        using var cli = new CliRun { Width = 200, Session = new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail) };
        var known = cli.PathOf("known.yaml");
        cli.Run("--update-expectations", known);
        var bundle = Make(cli, "--expect", known);
        using (var zip = ZipFile.OpenRead(bundle))
            Assert.Equal(["manifest.json", "results.json", "junit.xml", "summary.md", "results.sarif", "index.html", "expectations.yaml"], zip.Entries.Select(e => e.FullName));
        Assert.Equal(0, cli.Invoke("verify", bundle));
        foreach (var part in (string[])["model 1.2.3", "this program", "1 XFAIL", "as expected", "the bundle holds together: exit 0"])
            Assert.Contains(part, cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_run_on_the_same_day_makes_the_same_manifest_but_for_its_clock()
    {
        using var cli = new CliRun();
        var (a, b) = (Manifest(Make(cli)), Manifest(Make(cli)));
        Assert.Equal(a.Where(line => !line.Contains("\"made\"", StringComparison.Ordinal)), b.Where(line => !line.Contains("\"made\"", StringComparison.Ordinal)));

        static string[] Manifest(string bundle)
        {
            using var zip = ZipFile.OpenRead(bundle);
            using var text = new StreamReader(zip.GetEntry("manifest.json")!.Open());
            return text.ReadToEnd().Split('\n');
        }
    }

    [Theory]
    [InlineData("summary.md", "# ", "#  ", "summary.md is not the file that the manifest names")]
    [InlineData("manifest.json", "\"seed\": 1", "\"seed\": 2", "the manifest says seed 2, the results 1")]
    [InlineData("manifest.json", "model 1.2.3", "model 1.2.4", "the manifest says model 1.2.4")]
    [InlineData("manifest.json", "\"name\": \"junit.xml\"", "\"name\": \"other.xml\"", "other.xml is missing")]
    [InlineData("manifest.json", "\"name\": \"junit.xml\"", "\"name\": \"other.xml\"", "junit.xml is not in the manifest")]
    public void What_was_changed_is_named_and_exits_1(string entry, string from, string to, string problem)
    {
        using var cli = new CliRun { Width = 200 };
        var bundle = Make(cli);
        Edit(bundle, entry, text => text.Replace(from, to, StringComparison.Ordinal));
        Assert.Equal(1, cli.Invoke("verify", bundle));
        Assert.Contains(problem, cli.Output, StringComparison.Ordinal);
        Assert.Contains("does not hold together: exit 1", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Results_that_contradict_themselves_are_found_although_every_hash_is_right()
    {
        using var cli = new CliRun { Width = 200, Session = new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail) };
        var bundle = Make(cli);
        var results = Edit(bundle, "results.json", text => text.Replace("\"verdict\": \"FAIL\"", "\"verdict\": \"PASS\"", StringComparison.Ordinal));
        Rehash(bundle, results);
        Assert.Equal(1, cli.Invoke("verify", bundle));
        Assert.Contains("the summary of the results does not count their checks", cli.Output, StringComparison.Ordinal);

        var better = Edit(bundle, "results.json", text => text
            .Replace("\"FAIL\": 1,", "", StringComparison.Ordinal).Replace("\"PASS\": 4", "\"PASS\": 5", StringComparison.Ordinal)
            .Replace("\"id\": \"CORE-STATUS-D-01\",\n      \"role\": \"device\",\n      \"level\": \"MUST\",\n      \"verdict\": \"PASS\"",
                "\"id\": \"CORE-STATUS-D-01\",\n      \"role\": \"device\",\n      \"level\": \"MUST\",\n      \"verdict\": \"N/A\"", StringComparison.Ordinal));
        Rehash(bundle, better);
        Assert.Equal(1, cli.Invoke("verify", bundle));
        Assert.Contains("clause CORE-STATUS-D-01 is N/A, its checks make CORE-STATUS-D-01 PASS", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_bundle_exits_3_with_one_line()
    {
        using var cli = new CliRun();
        Assert.Equal(3, cli.Invoke("verify", cli.PathOf("none.zip")));
        Assert.Equal(3, cli.Invoke("verify", cli.Write("text.zip", "no zip at all")));
        foreach (var (name, text, cause) in (ReadOnlySpan<(string, string, string)>)[("other", "", "there is no manifest.json"), ("../manifest.json", "", "has no place in it"),
            ("manifest.json", "{", "manifest.json:1: "), ("manifest.json", "{}", "manifest.json:1: "), ("manifest.json", "null", "null is no manifest")])
        {
            var file = cli.PathOf("odd.zip");
            File.Delete(file);
            using (var zip = ZipFile.Open(file, ZipArchiveMode.Create))
            using (var content = zip.CreateEntry(name).Open()) content.Write(Encoding.UTF8.GetBytes(text));
            Assert.Equal(3, cli.Invoke("verify", file));
            Assert.Contains(cause, Assert.Single(cli.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_matrix_has_no_single_bundle()
    {
        using var cli = new CliRun();
        Assert.Equal(3, cli.Run("--matrix", "--bundle", cli.PathOf("b.zip")));
        Assert.Contains("--bundle takes one run", cli.Error, StringComparison.Ordinal);
    }

    private static string Make(CliRun cli, params string[] args)
    {
        var bundle = cli.PathOf("bundle.zip");
        cli.Run([.. args, "--bundle", bundle]);
        return bundle;
    }

    private static byte[] Edit(string bundle, string entry, Func<string, string> edit)
    {
        using var zip = ZipFile.Open(bundle, ZipArchiveMode.Update);
        string text;
        using (var reader = new StreamReader(zip.GetEntry(entry)!.Open())) text = reader.ReadToEnd();
        var bytes = Encoding.UTF8.GetBytes(edit(text));
        Assert.NotEqual(text, Encoding.UTF8.GetString(bytes));
        zip.GetEntry(entry)!.Delete();
        using var content = zip.CreateEntry(entry).Open();
        content.Write(bytes);
        return bytes;
    }

    /// <summary>Makes the manifest name what results.json holds now.</summary>
    private static void Rehash(string bundle, byte[] results) => Edit(bundle, "manifest.json", text =>
    {
        var lines = text.Split('\n');
        var at = Array.FindIndex(lines, line => line.Contains("\"results.json\"", StringComparison.Ordinal));
        lines[at + 1] = $"      \"bytes\": {results.Length},";
        lines[at + 2] = $"      \"sha256\": \"{Conformance.Certifying.Manifest.Hash(results)}\"";
        return string.Join('\n', lines);
    });
}
