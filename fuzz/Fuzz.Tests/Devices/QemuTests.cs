using Viommu.Fuzz.Targets;
using Viommu.Fuzz.Tests.Program;
using Viommu.Guest.Targets.Qemu;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Tests.Devices;

/// <summary>Fuzzing a real QEMU, where one is installed.</summary>
public sealed class QemuTests : IDisposable
{
    private readonly FuzzRun _fuzz = new();

    public void Dispose() => _fuzz.Dispose();

    [SkippableFact]
    public void A_program_that_keeps_to_the_rules_shows_nothing()
    {
        RequireQemu();
        Assert.Equal(0, Replay("right", SequenceSeeds.Program(
            SequenceSeeds.Request(new AttachRequest(1, 0x20).Encode()),
            SequenceSeeds.Request(new MapRequest(1, 0x1000, 0x1fff, 0x11_0000, 3).Encode()),
            SequenceSeeds.Dma(0x20, 0x1ff8, 8, isWrite: true),
            SequenceSeeds.Dma(0x20, 0x1000, 16, isWrite: false),
            SequenceSeeds.Request(new UnmapRequest(1, 0x1000, 0x1fff).Encode()),
            SequenceSeeds.Reset(StepKind.SystemReset),
            SequenceSeeds.Request(new DetachRequest(1, 0x31).Encode()))));
        Assert.StartsWith("ok ", _fuzz.Output);
    }

    [SkippableFact]
    public void A_reserved_field_that_the_device_ignores_is_found_and_minimised()
    {
        RequireQemu();
        var attach = new AttachRequest(1, 0x20).Encode();
        attach[^1] = 7;
        Assert.Equal(1, Replay("reserved", SequenceSeeds.Program(
            SequenceSeeds.Request(new ProbeRequest(0x20, 512).Encode()),
            SequenceSeeds.Request(attach),
            SequenceSeeds.Request(new MapRequest(1, 0x1000, 0x1fff, 0x11_0000, 3).Encode()))));
        Assert.Contains("IOMMU-ATTACH-D-01|||attach Answer Ok", _fuzz.Output);

        Assert.Equal(0, _fuzz.Run("minimize", PathOf("reserved"), "--target", "sequence", "--device", "qemu", "-o", PathOf("small")));
        Assert.Contains("-> 56 bytes, 1 operations", _fuzz.Output);
        Assert.Equal(1, _fuzz.Run("replay", PathOf("small"), "--target", "sequence", "--device", "qemu"));
        Assert.Equal(0, _fuzz.Run("replay", PathOf("small"), "--target", "sequence"));
    }

    [SkippableFact]
    public void A_campaign_goes_on_behind_what_it_knows_and_accounts_for_it()
    {
        RequireQemu();
        Assert.Equal(1, _fuzz.Run("run", "sequence", "--device", "qemu", "--seed", "3", "--runs", "60", "--report", _fuzz.Folder));
        Assert.Contains("on qemu ", _fuzz.Output);
        Assert.Contains("60 executions", _fuzz.Output);
        Assert.Contains("processes ended", _fuzz.Output);
        var keys = _fuzz.Output.Split('\n').Where(line => line.StartsWith("FOUND ", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(keys);
        Assert.Equal(keys.Distinct(), keys);
        Assert.All(keys, key => Assert.Contains($"times, known: {key["FOUND ".Length..].TrimEnd()}", _fuzz.Output));
    }

    [Theory]
    [InlineData("run", "request", "--device", "qemu")]
    [InlineData("run", "sequence", "--device", "qemu:/nowhere/at/all")]
    public void What_cannot_be_had_gets_one_line_and_exit_code_3(params string[] args)
    {
        Assert.Equal(3, _fuzz.Run(args));
        Assert.StartsWith("fuzz: ", _fuzz.Error);
        Assert.Single(_fuzz.Error.TrimEnd().Split('\n'));
    }

    // CI installs QEMU: there its absence is a fault, not a reason to skip.
    private static void RequireQemu() => Skip.If(
        ProcessLauncher.FindOnPath("qemu-system-x86_64") is null && Environment.GetEnvironmentVariable("CI") != "true",
        "qemu-system-x86_64 is not installed");

    private string PathOf(string name) => _fuzz.PathOf(name + TargetList.Find("sequence").Format.Extension);

    private int Replay(string name, byte[] program)
    {
        File.WriteAllBytes(PathOf(name), TargetList.Find("sequence").Format.ToFile(program));
        return _fuzz.Run("replay", PathOf(name), "--target", "sequence", "--device", "qemu");
    }
}
