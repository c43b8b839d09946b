using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;
using Viommu.Fuzz.Tests.Program;
using Viommu.Guest.Targets.Processes;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Tests.Devices.Served;

/// <summary>What a user types: programs, each in a process of its own, that are fuzzed.</summary>
public sealed class ServedProgramTests : IDisposable
{
    private static readonly string Conformance = Path.Combine(AppContext.BaseDirectory, "conformance");

    private static readonly byte[] _unmapsOfNothing = SequenceSeeds.Program(
        SequenceSeeds.Request(new AttachRequest(1, TestBed.FirstEndpoint).Encode()),
        SequenceSeeds.Request(new MapRequest(1, 0x1000, 0x1fff, TestBed.Ram, 3).Encode()),
        SequenceSeeds.Request(new DetachRequest(1, TestBed.FirstEndpoint).Encode()),
        SequenceSeeds.Request(new UnmapRequest(7, 0x1000, 0x1fff).Encode()));

    private readonly FuzzRun _fuzz = new();

    public void Dispose() => _fuzz.Dispose();

    [Fact]
    public void The_reference_device_in_another_process_keeps_to_the_text()
    {
        Assert.True(_fuzz.Run("run", "sequence", "--device", $"exec:'{Conformance}' serve", "--seed", "1", "--runs", "300", "--report", _fuzz.Folder) == 0, _fuzz.Output + _fuzz.Error);
        Assert.Contains("on model ", _fuzz.Output);
        Assert.Matches("300 executions .* findings 0", _fuzz.Output);
        Assert.Matches(@"(?m)^[1-9][0-9]* requests, [1-9][0-9]* accesses .* 0 processes ended, [1-9][0-9]*\.[0-9] round trips a program", _fuzz.Output);
    }

    [Fact]
    public void Packed_rings_are_asked_for_as_the_suite_asks_for_them()
    {
        Assert.True(_fuzz.Run("run", "sequence", "--device", $"exec,ring=packed:'{Conformance}' serve --target model,transport=mmio", "--seed", "1", "--runs", "100", "--report", _fuzz.Folder) == 0, _fuzz.Output + _fuzz.Error);
        Assert.Equal(3, _fuzz.Run("run", "sequence", "--device", $"exec,ring=packed:'{Conformance}' serve --target model,transport=mmio-legacy", "--report", _fuzz.Folder));
        Assert.StartsWith("fuzz: --device exec: the model cannot offer RING_PACKED", _fuzz.Error);
    }

    [SkippableFact]
    public void The_example_in_Python_keeps_to_the_text()
    {
        Assert.True(_fuzz.Run("run", "sequence", "--device", Tiny(), "--seed", "1", "--runs", "500", "--report", _fuzz.Folder) == 0, _fuzz.Output + _fuzz.Error);
        Assert.Contains("on tiny 1.0", _fuzz.Output);
        Assert.Equal(0, _fuzz.Run("regress", "sequence", "--device", Tiny()));
    }

    [SkippableFact]
    public void So_do_its_rings_and_packed_ones_it_does_not_have()
    {
        Assert.True(_fuzz.Run("run", "split-ring", "--device", Tiny(), "--seed", "1", "--runs", "500", "--report", _fuzz.Folder) == 0, _fuzz.Output + _fuzz.Error);
        Assert.Contains("on tiny 1.0", _fuzz.Output);
        Assert.Equal(3, _fuzz.Run("run", "packed-ring", "--device", Tiny(), "--report", _fuzz.Folder));
        Assert.StartsWith("fuzz: tiny 1.0 does not offer RING_PACKED", _fuzz.Error);
    }

    [SkippableFact]
    public void A_deviation_of_a_ring_goes_through_replay_and_minimize()
    {
        string device = Tiny(", head, len(reply))", ", head ^ (size < 16), len(reply))");
        Assert.True(_fuzz.Run("run", "split-ring", "--device", device, "--seed", "1", "--runs", "400", "--report", _fuzz.Folder) == 1, _fuzz.Output + _fuzz.Error);
        Assert.Contains("FOUND DESC-SPLIT-01|||split", _fuzz.Output);
        string found = Directory.GetFiles(_fuzz.PathOf("findings"), "*.bin")[0];
        Assert.Equal(1, _fuzz.Run("replay", found, "--target", "split-ring", "--device", device));
        Assert.Equal(0, _fuzz.Run("replay", found, "--target", "split-ring", "--device", Tiny()));
        Assert.Equal(0, _fuzz.Run("minimize", found, "--target", "split-ring", "--device", device, "-o", _fuzz.PathOf("small.bin")));
    }

    [SkippableFact]
    public void A_deviation_goes_through_every_verb()
    {
        string device = Tiny("            if domain not in self.domains:\n                return NOENT\n            mappings", "            if domain not in self.domains:\n                return OK\n            mappings");
        const string Key = "IOMMU-UNMAP-D-03|||unmap Answer Ok";
        Assert.True(_fuzz.Run("run", "sequence", "--device", device, "--seed", "1", "--runs", "400", "--report", _fuzz.Folder) == 1, _fuzz.Output + _fuzz.Error);
        Assert.Contains($"FOUND {Key}", _fuzz.Output);
        Assert.Matches($"passed over [0-9]+ times, known: {Key.Replace("|", "\\|", StringComparison.Ordinal)}", _fuzz.Output);

        Assert.Equal(1, _fuzz.Run("triage", _fuzz.Folder));
        Assert.Contains("same", _fuzz.Output);
        Assert.Equal(0, _fuzz.Run("triage", _fuzz.Folder, "--device", Tiny()));

        string program = Write("program", _unmapsOfNothing);
        Assert.Equal(1, _fuzz.Run("replay", program, "--target", "sequence", "--device", device));
        Assert.Contains(Key, _fuzz.Output);
        Assert.Equal(0, _fuzz.Run("minimize", program, "--target", "sequence", "--device", device, "-o", _fuzz.PathOf("small.viommu")));
        Assert.Contains("1 operations", _fuzz.Output);

        File.WriteAllText(_fuzz.PathOf("known.yaml"), """
            - key: "*"
              device: tiny
              reason: it is meant to
              url: none
            """);
        Assert.Equal(0, _fuzz.Run("run", "sequence", "--device", device, "--seed", "1", "--runs", "400", "--expect", _fuzz.PathOf("known.yaml"), "--report", _fuzz.PathOf("again")));
        Assert.Matches("findings 0, known [1-9]", _fuzz.Output);
    }

    [SkippableFact]
    public void A_program_that_ends_is_one_finding_with_its_last_words()
    {
        string device = Tiny("        if kind == 2 and len(body) >= 8:                # DETACH\n", "        if kind == 2:\n            sys.exit('it cannot detach')\n        if kind == 2 and len(body) >= 8:\n");
        Assert.Equal(1, _fuzz.Run("replay", Write("program", _unmapsOfNothing), "--target", "sequence", "--device", device));
        Assert.Contains("|||detach ends the process", _fuzz.Output);
        Assert.Contains("it cannot detach", _fuzz.Output);
    }

    [Theory]
    [InlineData("fuzz: --device exec takes inputs of sequence, split-ring, packed-ring, not of request", "run", "request", "--device", "exec:true")]
    [InlineData("fuzz: split-ring takes --device exec:COMMAND, without ring=packed", "run", "split-ring", "--device", "exec,ring=packed:true")]
    [InlineData("fuzz: --device exec: there is no program /nowhere/at/all", "run", "sequence", "--device", "exec:/nowhere/at/all")]
    [InlineData("fuzz: --device exec: the program ended with exit code 0", "run", "sequence", "--device", "exec:true")]
    [InlineData("fuzz: --device exec:COMMAND starts COMMAND", "run", "sequence", "--device", "exec:")]
    [InlineData("fuzz: ring=odd is unknown", "run", "sequence", "--device", "exec,ring=odd:true")]
    [InlineData("fuzz: there is no device 'executable': it is model, qemu, qemu:PATH, exec:COMMAND or broken:NAME", "run", "sequence", "--device", "executable")]
    [InlineData("fuzz: --export-qtest takes --device qemu", "replay", "none.viommu", "--device", "exec:true", "--export-qtest", "out")]
    [InlineData("fuzz: under AFL++ a device runs in this process", "afl", "sequence", "--device", "exec:true")]
    public void What_cannot_be_had_gets_one_line_and_exit_code_3(string complaint, params string[] args)
    {
        Assert.Equal(3, _fuzz.Run(args));
        Assert.StartsWith(complaint, _fuzz.Error);
        Assert.Single(_fuzz.Error.TrimEnd().Split('\n'));
    }

    private string Write(string name, byte[] program)
    {
        string path = _fuzz.PathOf($"{name}.viommu");
        File.WriteAllBytes(path, SequenceTarget.Info.Format.ToFile(program));
        return path;
    }

    // The example, or one that does something else in one place. CI installs Python: there its absence is a fault, not a reason to skip.
    private string Tiny(string text = "", string instead = "")
    {
        Skip.If(ProcessLauncher.FindOnPath("python3") is null && Environment.GetEnvironmentVariable("CI") != "true", "python3 is not installed");
        string example = Repository.Repo.PathOf("conformance/Guest/Targets/Served/examples/tiny_iommu.py");
        if (text.Length == 0) return $"exec:python3 '{example}'";
        string source = File.ReadAllText(example);
        Assert.Contains(text, source);
        string other = _fuzz.PathOf("other.py");
        File.WriteAllText(other, source.Replace(text, instead, StringComparison.Ordinal));
        return $"exec:python3 '{other}'";
    }
}
