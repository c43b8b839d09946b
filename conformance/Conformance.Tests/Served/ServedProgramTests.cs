using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Program;
using Viommu.Conformance.Tests.Running;
using Viommu.Guest.Targets.Processes;

namespace Viommu.Conformance.Tests.Served;

/// <summary>What a user types: programs, each in a process of its own, that are judged.</summary>
public class ServedProgramTests
{
    private static readonly string Conformance = Path.Combine(AppContext.BaseDirectory, "conformance");

    [Fact]
    public void The_program_judges_the_reference_device_in_another_of_its_own_processes()
    {
        using var cli = OnRealTarget();
        Assert.Equal(ExitCode.AsExpected, cli.Run("--target", $"exec:'{Conformance}' serve", "--strict", "--only", "*IOMMU-MAP-*", "--only", "*IOMMU-CONFIG-*"));
        Assert.Contains("model ", cli.Output, StringComparison.Ordinal);
        Assert.Contains("(pci, split)", cli.Output, StringComparison.Ordinal);
        Assert.Contains("PASS    IOMMU-MAP-D-01", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Packed_rings_are_asked_for_and_a_device_without_them_is_refused()
    {
        using var cli = OnRealTarget();
        Assert.Equal(ExitCode.AsExpected, cli.Run("--target", $"exec,ring=packed:'{Conformance}' serve --target model,transport=mmio", "--strict", "--only", "PACKED-*"));
        Assert.Contains("RING_PACKED", cli.Output, StringComparison.Ordinal);
        Assert.Contains("PASS    PACKED-", cli.Output, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Harness, cli.Run("--target", $"exec,ring=packed:'{Conformance}' serve --target model,transport=mmio-legacy", "--only", "PACKED-*"));
        Assert.Contains("conformance: --target exec: the model cannot offer RING_PACKED on a legacy interface", cli.Error, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void The_example_in_Python_keeps_what_it_offers()
    {
        Skip.If(!HasPrograms("python3") && Environment.GetEnvironmentVariable("CI") != "true", "python3 is not installed");
        var example = Example("tiny_iommu.py");
        using var cli = OnRealTarget();
        Assert.Equal(ExitCode.AsExpected, cli.Run("--target", $"exec:python3 '{example}'", "--strict", "--only", "*IOMMU-*", "--only", "*MMIO-*"));
        Assert.Contains("tiny 1.0", cli.Output, StringComparison.Ordinal);
        Assert.Contains("PASS    IOMMU-UNMAP-D-06", cli.Output, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Harness, cli.Run("--target", $"exec,ring=packed:python3 '{example}'", "--only", "PACKED-*"));
        Assert.Contains("tiny 1.0 does not offer RING_PACKED, which ring=packed asks for", cli.Error, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void The_example_in_C_gets_the_verdicts_of_the_one_in_Python()
    {
        Skip.If(!HasPrograms("python3", "cc") && Environment.GetEnvironmentVariable("CI") != "true", "python3 or cc is not installed");
        using var cli = OnRealTarget();
        var program = cli.PathOf("tiny_iommu");
        using var compiler = ChildProcess.Start(new("cc", ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-o", program, Example("tiny_iommu.c")]), outputLines: 40);
        Assert.True(compiler.WaitForExit(TimeSpan.FromMinutes(5)), "the compiler does not come to an end");
        Assert.True(compiler.ExitCode == 0, compiler.LastWords);

        Assert.Equal(ExitCode.AsExpected, cli.Run("--target", $"exec:'{program}'", "--strict", "--only", "*IOMMU-*", "--only", "*MMIO-*", "--only", "SPLIT-*"));
        var verdicts = Verdicts(cli.Output);
        Assert.Contains(verdicts, line => line.StartsWith("PASS    IOMMU-UNMAP-D-06", StringComparison.Ordinal));
        Assert.Equal(ExitCode.AsExpected, cli.Run("--target", $"exec:python3 '{Example("tiny_iommu.py")}'", "--strict", "--only", "*IOMMU-*", "--only", "*MMIO-*", "--only", "SPLIT-*"));
        Assert.Equal(Verdicts(cli.Output), verdicts);

        static List<string> Verdicts(string output) => [.. output.Split('\n').Where(line => line.StartsWith("PASS ", StringComparison.Ordinal) || line.StartsWith("N/A ", StringComparison.Ordinal))];
    }

    /// <summary>A real VMM whose adapter knows nothing of the suite: every deviation that is known is found through it, and no other.</summary>
    [SkippableFact]
    public void QEMU_behind_the_adapter_in_Python_does_what_is_known_of_it()
    {
        Skip.If(!HasPrograms("python3", "setpriv", "qemu-system-x86_64") && Environment.GetEnvironmentVariable("CI") != "true", "python3, setpriv or qemu-system-x86_64 is not installed");
        using var cli = OnRealTarget();
        var exit = cli.Run(
            "--target", $"exec:python3 '{Example("qemu.py")}'", "--expect", Path.Combine(AppContext.BaseDirectory, "Suite", "qemu-7.2.yaml"),
            "--only", "*IOMMU-*", "--only", "CORE-STATUS-*", "--timeout", "120");
        Skip.If(!cli.Output.Contains(": qemu 7.2.", StringComparison.Ordinal), "the expectations are those of QEMU 7.2");
        Assert.True(exit == ExitCode.AsExpected, cli.Output + cli.Error);
        Assert.Contains("XFAIL   IOMMU-ATTACH-D-01", cli.Output, StringComparison.Ordinal);
        Assert.Contains("PASS    IOMMU-MAP-D-01", cli.Output, StringComparison.Ordinal);
        Assert.Contains("XFAIL   CORE-STATUS-D-01", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Serve_answers_line_by_line_until_its_input_ends()
    {
        using var cli = new CliRun { Commands = "hello 1\nread mmio 0x0 4\n" };
        Assert.Equal(ExitCode.AsExpected, cli.Invoke("serve", "--target", "model,transport=mmio"));
        var answers = cli.Answers.Split('\n');
        Assert.Equal(3, answers.Length);
        Assert.Contains("device=mmio:0xa000000 ", answers[0], StringComparison.Ordinal);
        Assert.Equal("ERR there is no device yet: start comes first", answers[1]);
        Assert.Equal("", answers[2]);
        Assert.Equal("", cli.Output);
        Assert.Equal("", cli.Error);
    }

    [Theory]
    [InlineData("qemu", "serve --target: 'qemu' is not the reference device")]
    [InlineData("model,transport=usb", "transport=usb is unknown")]
    public void Serve_has_the_reference_device_alone(string target, string complaint)
    {
        using var cli = new CliRun();
        Assert.Equal(ExitCode.Usage, cli.Invoke("serve", "--target", target));
        Assert.Contains(complaint, cli.Error, StringComparison.Ordinal);
        Assert.Equal("", cli.Answers);
    }

    private static CliRun OnRealTarget() =>
        new() { OnRealTarget = true, Width = 200, Checks = CheckRegistry.Find(typeof(Check).Assembly, ScriptedRun.Catalogue) };

    private static bool HasPrograms(params string[] names) => names.All(name =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, name))));

    private static string Example(string name) => Path.Combine(FindRoot(), "conformance", "Guest", "Targets", "Served", "examples", name);

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Conformance.sln"))) directory = directory.Parent!;
        return directory.FullName;
    }
}
