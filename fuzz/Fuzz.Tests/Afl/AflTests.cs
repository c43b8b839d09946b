using System.Diagnostics;
using Viommu.Fuzz.Afl;
using Viommu.Fuzz.Targets;
using Viommu.Fuzz.Tests.Program;

namespace Viommu.Fuzz.Tests.Afl;

/// <summary>The targets under the real tools of AFL++, where they are installed.</summary>
public sealed class AflTests : IDisposable
{
    private const string Broken = "broken:answers UNMAP on a missing domain with OK";

    private readonly FuzzRun _fuzz = new();

    public AflTests()
    {
        Directory.CreateDirectory(_fuzz.PathOf("in"));
        foreach (var seed in TargetList.Find("request").Seeds()) File.WriteAllBytes(Path.Combine(_fuzz.PathOf("in"), seed.Name), seed.Input);
    }

    private static string Program => Path.Combine(AppContext.BaseDirectory, "fuzz");

    public void Dispose() => _fuzz.Dispose();

    [SkippableFact]
    public void The_map_of_an_input_is_the_same_each_time_and_another_one_for_another_input()
    {
        string attach = ShowMap("attach");
        Assert.NotEmpty(attach);
        Assert.Equal(attach, ShowMap("attach"));
        Assert.NotEqual(attach, ShowMap("probe"));
    }

    [SkippableFact]
    public void Afl_fuzz_runs_a_target_with_shared_memory_an_exact_map_and_a_dictionary_and_finds_a_broken_device()
    {
        Run("afl-fuzz", "-V", "600", "-t", "20000", "-i", _fuzz.PathOf("in"), "-o", _fuzz.PathOf("out"), "--", Program, "afl", "request", "--device", Broken);
        var statistics = File.ReadAllLines(Path.Combine(_fuzz.PathOf("out"), "default", "fuzzer_stats")).Select(line => line.Split(':', 2)).ToDictionary(line => line[0].Trim(), line => line[1].Trim());
        Assert.NotEqual("0", statistics["saved_crashes"]);
        Assert.Contains("shmem_testcase", statistics["target_mode"]);
        using var executor = new TargetHost(TargetList.Find("request")).Instrumented();
        Assert.InRange(int.Parse(statistics["total_edges"], System.Globalization.CultureInfo.InvariantCulture), AflMap.SizeFor(executor), AflMap.SizeFor(executor) + 64);
    }

    [SkippableFact]
    public void Afl_cmin_and_afl_tmin_work_on_a_target()
    {
        Run("afl-cmin", "-t", "20000", "-i", _fuzz.PathOf("in"), "-o", _fuzz.PathOf("min"), "--", Program, "afl", "request", "@@");
        Assert.NotEmpty(Directory.GetFiles(_fuzz.PathOf("min")));
        Run("afl-tmin", "-t", "20000", "-i", Path.Combine(_fuzz.PathOf("in"), "map"), "-o", _fuzz.PathOf("smaller"), "--", Program, "afl", "request", "@@");
        Assert.True(File.Exists(_fuzz.PathOf("smaller")));
    }

    private string ShowMap(string seed)
    {
        Run("afl-showmap", "-q", "-t", "20000", "-o", _fuzz.PathOf("map"), "--", Program, "afl", "request", Path.Combine(_fuzz.PathOf("in"), seed));
        return File.ReadAllText(_fuzz.PathOf("map"));
    }

    private void Run(string tool, params string[] args)
    {
        Skip.IfNot(File.Exists($"/usr/bin/{tool}"), $"{tool} is not installed (apt-get install afl++)");
        var start = new ProcessStartInfo(tool, args) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _fuzz.Folder };
        foreach (var variable in (string[])["AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES", "AFL_SKIP_CPUFREQ", "AFL_NO_UI", "AFL_NO_AFFINITY", "AFL_ALLOW_TMP"])
            start.Environment[variable] = "1";
        // What is looked for is enough; how long that takes is the machine's affair.
        start.Environment["AFL_BENCH_UNTIL_CRASH"] = "1";
        // Milliseconds until the program is up: on a machine that does other things as well.
        start.Environment["AFL_FORKSRV_INIT_TMOUT"] = "300000";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(15)), $"{tool} does not end");
        string said = output.Result + error.Result;
        Assert.True(process.ExitCode == 0, said.Length > 2000 ? said[^2000..] : said);
    }
}
