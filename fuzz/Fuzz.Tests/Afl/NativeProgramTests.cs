using System.Diagnostics;
using Viommu.Fuzz.Devices;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;
using Viommu.Fuzz.Tests.Program;
using Viommu.Guest.Targets.Processes;
using Viommu.Guest.Targets.Served;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Tests.Afl;

/// <summary>A device in C that AFL++'s compiler has built, behind the line protocol: its own edges guide the search.</summary>
public sealed class NativeProgramTests : IDisposable
{
    private static readonly byte[] _attach = SequenceSeeds.Program(SequenceSeeds.Request(Attach.Encode()));
    private static readonly byte[] _attachAndMap = SequenceSeeds.Program(SequenceSeeds.Request(Attach.Encode()), SequenceSeeds.Request(new MapRequest(1, 0x1000, 0x1fff, TestBed.Ram, 3).Encode()));
    private static readonly byte[] _attachAndDetachOddly = SequenceSeeds.Program(SequenceSeeds.Request(Attach.Encode()), SequenceSeeds.Request([2, 7, .. new DetachRequest(1, TestBed.FirstEndpoint).Encode()[2..]]));

    private readonly FuzzRun _fuzz = new();

    private static AttachRequest Attach => new(1, TestBed.FirstEndpoint);

    public void Dispose() => _fuzz.Dispose();

    [SkippableFact]
    public void The_same_program_takes_the_same_edges_and_a_longer_one_more()
    {
        using var executor = Open(Build());
        string attach = Edges(executor, _attach);
        Assert.Contains('1', attach);
        string map = Edges(executor, _attachAndMap);
        Assert.Equal(attach, Edges(executor, _attach));
        Assert.Contains(attach.Zip(map), edge => edge is ('0', '1'));
        Assert.DoesNotContain(attach.Zip(map), edge => edge is ('1', '0'));
    }

    [SkippableFact]
    public void Edges_that_an_input_takes_every_other_time_are_left_out()
    {
        using var executor = Open(Build("    int number = number_of(endpoint);\n", "    int number = number_of(endpoint);\n    static volatile unsigned turn, odd;\n    if (turn++ & 1) odd++;\n"));
        string[] times = [.. Enumerable.Range(0, 4).Select(_ => Edges(executor, _attach))];
        Assert.Contains('1', times[0]);
        Assert.Single(times.Distinct());
    }

    [SkippableFact]
    public void A_program_that_ends_is_found_and_the_next_one_counts_as_well()
    {
        using var executor = Open(Build("        detach(number);\n", "        if (request[1] == 7) abort();\n        detach(number);\n"));
        string before = Edges(executor, _attach);
        Assert.Contains("ends the process", executor.Execute(_attachAndDetachOddly)!.Key.ToString());
        executor.Counters.Clear();
        Assert.Equal(before, Edges(executor, _attach));
    }

    [SkippableFact]
    public void A_campaign_is_guided_by_them_and_finds_what_is_broken()
    {
        string device = $"exec:'{Build("    if (!domain) return NOENT;\n    if (domain->bypass) return INVAL;\n", "    if (!domain) return OK;\n")}'";
        Assert.Equal(1, _fuzz.Run("run", "sequence", "--device", device, "--coverage", "afl", "--seed", "1", "--runs", "300", "--report", _fuzz.PathOf("guided")));
        Assert.Matches(@"FOUND IOMMU-UNMAP-D-\d\d", _fuzz.Output);
        Assert.Matches(@"edges [1-9]\d\d, states", _fuzz.Output);
        Assert.Equal(1, _fuzz.Run("run", "sequence", "--device", device, "--seed", "1", "--runs", "300", "--report", _fuzz.PathOf("unguided")));
        Assert.Contains("edges 0, states", _fuzz.Output);
    }

    [SkippableFact]
    public void Ring_programs_are_guided_by_them_as_well()
    {
        Assert.Equal(0, _fuzz.Run("run", "split-ring", "--device", $"exec:'{Build()}'", "--coverage", "afl", "--seed", "1", "--runs", "300", "--report", _fuzz.PathOf("rings")));
        Assert.Matches(@"edges [1-9]\d+, states", _fuzz.Output);
    }

    [Theory]
    [InlineData("fuzz: --coverage afl: 'true' does not say how large its map is", "exec:true")]
    [InlineData("fuzz: --coverage afl: 'cat' does not say how large its map is", "exec:cat")]
    [InlineData("fuzz: --coverage afl: 'sh' has a map of 99999999 bytes", "exec:sh -c 'echo 99999999'")]
    [InlineData("fuzz: --device exec: there is no program /nowhere/at/all", "exec:/nowhere/at/all")]
    [InlineData("fuzz: --coverage afl takes --device exec:COMMAND, where COMMAND was built by AFL++'s compiler, not --device model", "model")]
    [InlineData("fuzz: --coverage afl takes --device exec:COMMAND, where COMMAND was built by AFL++'s compiler, not --device qemu", "qemu")]
    public void A_device_that_counts_nothing_gets_one_line_and_exit_code_3(string complaint, string device)
    {
        Assert.Equal(3, _fuzz.Run("run", "sequence", "--device", device, "--coverage", "afl"));
        Assert.StartsWith(complaint, _fuzz.Error);
        Assert.Single(_fuzz.Error.TrimEnd().Split('\n'));
    }

    private static IExecutor Open(string program) => OutsideDevice.Of(new ServedTargetSource($"'{program}'"), SequenceTarget.Info, countsEdges: true).NewScout(minimizes: false);

    // One character for each edge: whether the input takes it.
    private static string Edges(IExecutor executor, byte[] input)
    {
        Assert.Null(executor.Execute(input));
        string edges = string.Concat(executor.Counters.ToArray().Select(count => count == 0 ? '0' : '1'));
        executor.Counters.Clear();
        return edges;
    }

    // The example, or one that does something else in one place. CI installs AFL++: there its absence is a fault, not a reason to skip.
    private string Build(string text = "", string instead = "")
    {
        Skip.If(ProcessLauncher.FindOnPath("afl-clang-fast") is null && Environment.GetEnvironmentVariable("CI") != "true", "afl-clang-fast is not installed");
        string source = File.ReadAllText(Repository.Repo.PathOf("conformance/Guest/Targets/Served/examples/tiny_iommu.c"));
        Assert.Contains(text, source);
        (string path, string program) = (_fuzz.PathOf("other.c"), _fuzz.PathOf("other"));
        File.WriteAllText(path, text.Length == 0 ? source : source.Replace(text, instead, StringComparison.Ordinal));
        var info = new ProcessStartInfo("afl-clang-fast", ["-O1", "-o", program, path]);
        info.Environment["AFL_QUIET"] = "1";
        using var compiler = ChildProcess.Start(info, outputLines: 40);
        Assert.True(compiler.WaitForExit(TimeSpan.FromMinutes(5)), "the compiler does not come to an end");
        Assert.True(compiler.ExitCode == 0, compiler.LastWords);
        return program;
    }
}
