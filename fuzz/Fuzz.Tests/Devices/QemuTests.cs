using Viommu.Fuzz.Devices;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;
using Viommu.Fuzz.Tests.Program;
using Viommu.Guest.Targets.Processes;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Tests.Devices;

/// <summary>Fuzzing a real QEMU, where one is installed.</summary>
public sealed class QemuTests : IDisposable
{
    private const uint FirstEndpoint = TestBed.FirstEndpoint;
    private const uint SecondEndpoint = TestBed.SecondEndpoint;
    private const ulong Ram = TestBed.Ram;

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
    public void What_a_program_does_is_handed_out_as_lines_of_qtest()
    {
        RequireQemu();
        var attach = new AttachRequest(1, 0x20).Encode();
        attach[^1] = 7;
        Assert.Equal(1, Replay("reserved", SequenceSeeds.Program(
            SequenceSeeds.Request(new AttachRequest(1, 0x20).Encode()),
            SequenceSeeds.Dma(0x20, 0x1ff8, 8, isWrite: true),
            SequenceSeeds.Request(attach)), "qemu", "--export-qtest", _fuzz.PathOf("out.qtest")));
        Assert.Contains("QEMU alone gives the same answers", _fuzz.Output);
        string text = File.ReadAllText(_fuzz.PathOf("out.qtest"));
        Assert.Contains("# IOMMU-ATTACH-D-01|||attach Answer Ok\n", text);
        Assert.Contains("# attach domain=1 endpoint=ep0 reserved=0x7000000\n# expected: INVAL (IOMMU-ATTACH-D-01)", text);
        Assert.Contains("\n# seen: OK used=4\n", text);

        Assert.Equal(3, Replay("reserved", SequenceSeeds.Program(), "model", "--export-qtest", _fuzz.PathOf("other.qtest")));
        Assert.Contains("--export-qtest takes --device qemu", _fuzz.Error);
    }

    [SkippableFact]
    public void A_campaign_goes_on_behind_what_it_knows_and_accounts_for_it()
    {
        RequireQemu();
        Assert.Equal(1, _fuzz.Run("run", "sequence", "--device", "qemu", "--seed", "3", "--runs", "60", "--report", _fuzz.Folder));
        Assert.Contains("on qemu ", _fuzz.Output);
        Assert.Contains("60 executions", _fuzz.Output);
        Assert.Contains("processes ended", _fuzz.Output);
        Assert.Contains("round trips a program", _fuzz.Output);
        var keys = _fuzz.Output.Split('\n').Where(line => line.StartsWith("FOUND ", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(keys);
        Assert.Equal(keys.Distinct(), keys);
        Assert.All(keys, key => Assert.Contains($"times, known: {key["FOUND ".Length..].TrimEnd()}", _fuzz.Output));
    }

    [SkippableFact]
    public void What_is_known_of_it_is_no_news()
    {
        RequireQemu();
        File.WriteAllText(_fuzz.PathOf("known.yaml"), """
            - key: "*"
              device: qemu
              reason: all of it is known
              url: none
            - key: "NO-SUCH-CLAUSE|*"
              device: "model"
              reason: of another device
              url: none
            """);
        Assert.Equal(0, _fuzz.Run("run", "sequence", "--device", "qemu", "--seed", "3", "--runs", "60", "--expect", _fuzz.PathOf("known.yaml"), "--strict", "--report", _fuzz.Folder));
        Assert.Matches("findings 0, known [1-9]", _fuzz.Output);
        Assert.DoesNotContain("FOUND", _fuzz.Output);
        Assert.DoesNotContain("NOT SEEN", _fuzz.Output);
    }

    [SkippableFact]
    public void A_campaign_that_is_to_end_does_not_wait_until_a_finding_is_small()
    {
        RequireQemu();
        var attach = new AttachRequest(1, FirstEndpoint).Encode();
        attach[^1] = 7;
        byte[] program = SequenceSeeds.Program(SequenceSeeds.Request(new ProbeRequest(FirstEndpoint, 512).Encode()), SequenceSeeds.Request(attach));
        Assert.True(Scout(isStopping: false, out long progress).Input!.Length < program.Length);
        // Each program that was tried for it counts, not only the one that was to be run.
        Assert.True(progress > 10);
        Assert.Equal(program, Scout(isStopping: true, out progress).Input);
        Assert.NotEqual(0, progress);

        Finding Scout(bool isStopping, out long progress)
        {
            using var device = OutsideDevice.Find("qemu", TargetList.Find("sequence"))!;
            using var scout = device.NewScout(minimizes: true);
            if (isStopping) scout.Stop();
            long before = scout.Progress;
            var finding = scout.Execute(program);
            progress = scout.Progress - before;
            Assert.Equal("IOMMU-ATTACH-D-01|||attach Answer Ok", finding?.Key.ToString());
            return finding!;
        }
    }

    /// <summary>What the suite's own accesses meet, and what is seen in a state that is a guess, is nobody's fault.</summary>
    [SkippableFact]
    public void Nothing_is_built_on_a_guess()
    {
        RequireQemu();
        var attach = SequenceSeeds.Request(new AttachRequest(1, FirstEndpoint).Encode());
        // Where the tail of a reply with too much room is, is open: whether there is a domain, nobody knows.
        Assert.Equal(0, Replay("uncertain", SequenceSeeds.Program(
            SequenceSeeds.Request(new AttachRequest(1, FirstEndpoint).Encode(), writable: 5),
            SequenceSeeds.Request(new MapRequest(1, 0, 0, 0, 0).Encode()),
            SequenceSeeds.Request(new UnmapRequest(1, 0, 0).Encode()))));
        Assert.StartsWith("ok ", _fuzz.Output);

        // QEMU 7.2 removes the last mapping: what the endpoint holds cannot be seen through it, and the fault that is reported is ours.
        Assert.Equal(0, Replay("unseen", SequenceSeeds.Program(
            attach,
            SequenceSeeds.Request(new MapRequest(1, 0, 0x1fff, Ram, 3).Encode()),
            SequenceSeeds.Request(new MapRequest(1, 0x4000, 0x4fff, Ram + 0x2000, 3).Encode()),
            SequenceSeeds.Request(new MapRequest(1, 0x2000, 0x2fff, Ram + 0x1000, 3).Encode()),
            SequenceSeeds.Request(new UnmapRequest(1, 0x1000, 0x2fff).Encode()),
            SequenceSeeds.Dma(FirstEndpoint, 0, 8, isWrite: false))));
        Assert.StartsWith("ok ", _fuzz.Output);
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_program_does_the_same_whatever_ran_before_it(bool isRecent)
    {
        string qemu = isRecent ? RequireRecentQemu() : RequireQemu();
        byte[][] looks =
        [
            SequenceSeeds.Dma(FirstEndpoint, Ram + 0x10, 16, isWrite: false),
            SequenceSeeds.Dma(FirstEndpoint, 0x1ff8, 16, isWrite: true),
            SequenceSeeds.Dma(SecondEndpoint, 0x1000, 8, isWrite: false),
            SequenceSeeds.Request(new UnmapRequest(1, 0, ulong.MaxValue).Encode()),
            SequenceSeeds.Request(new AttachRequest(1, FirstEndpoint).Encode()),
            SequenceSeeds.Request(new MapRequest(1, 0x1000, 0x1fff, Ram, 3).Encode()),
            SequenceSeeds.Dma(FirstEndpoint, 0x1ff8, 8, isWrite: true),
            SequenceSeeds.Dma(FirstEndpoint, 0x1000, 16, isWrite: false),
            SequenceSeeds.Request(new ProbeRequest(FirstEndpoint, 512).Encode()),
        ];
        var look = SequenceSeeds.Program(looks);
        using var device = OutsideDevice.Find(qemu, TargetList.Find("sequence"))!;
        using var replay = device.NewReplay();
        Assert.Null(replay.Execute(look));
        ulong trace = replay.Observations.Trace;
        Assert.NotEqual(0UL, trace);
        foreach (var (what, program) in Litter())
        {
            replay.Execute(program);
            Assert.Null(replay.Execute(look));
            Assert.True(trace == replay.Observations.Trace, $"another trace after: {what}");
        }
    }

    [SkippableFact]
    public void Domains_that_outlive_a_reset_are_charged_to_the_reset_alone()
    {
        string qemu = RequireRecentQemu();
        var attach = SequenceSeeds.Request(new AttachRequest(1, FirstEndpoint).Encode());
        var map = SequenceSeeds.Request(new MapRequest(1, 0x1000, 0x1fff, Ram, 3).Encode());
        Assert.Equal(1, Replay("leftover", SequenceSeeds.Program(attach, map, SequenceSeeds.Reset(StepKind.DeviceReset), attach, map), qemu));
        Assert.Contains("DESC-IOMMU-01|||reset Leftover None", _fuzz.Output);

        _fuzz.Run("run", "sequence", "--device", qemu, "--seed", "3", "--runs", "200", "--keep-going", "--report", _fuzz.Folder);
        Assert.DoesNotContain("FOUND IOMMU-MAP-D-04", _fuzz.Output);
        Assert.DoesNotContain("FOUND IOMMU-UNMAP-D-03", _fuzz.Output);
    }

    [Theory]
    [InlineData(3, "fuzz: --device qemu takes inputs of", "run", "request", "--device", "qemu")]
    [InlineData(2, "fuzz: there is no program /nowhere/at/all: name a qemu-system-x86_64 with --device qemu:PATH", "run", "sequence", "--device", "qemu:/nowhere/at/all")]
    [InlineData(2, "fuzz: there is no program /nowhere/at/all: name a qemu-system-x86_64 with --device qemu:PATH", "regress", "sequence", "--device", "qemu:/nowhere/at/all")]
    public void What_cannot_be_had_gets_one_line(int exit, string complaint, params string[] args)
    {
        Assert.Equal(exit, _fuzz.Run(args));
        Assert.StartsWith(complaint, _fuzz.Error);
        Assert.Single(_fuzz.Error.TrimEnd().Split('\n'));
    }

    // Each leaves something else behind.
    private static IEnumerable<(string What, byte[] Program)> Litter()
    {
        var attach = SequenceSeeds.Request(new AttachRequest(1, FirstEndpoint).Encode());
        var map = SequenceSeeds.Request(new MapRequest(1, 0x1000, 0x2fff, Ram + 0x3000, 3).Encode());
        yield return ("a mapping", SequenceSeeds.Program(attach, map));
        yield return ("both endpoints in one domain", SequenceSeeds.Program(attach, map, SequenceSeeds.Request(new AttachRequest(1, SecondEndpoint).Encode())));
        yield return ("an endpoint that has moved", SequenceSeeds.Program(attach, map, SequenceSeeds.Request(new AttachRequest(7, FirstEndpoint).Encode())));
        yield return ("a bypass domain", SequenceSeeds.Program(SequenceSeeds.Request(new AttachRequest(1, SecondEndpoint) { Flags = 1 }.Encode())));
        yield return ("the bypass field off", SequenceSeeds.Program(SequenceSeeds.Bypass(0), attach));
        yield return ("a bypass field that is none", SequenceSeeds.Program(SequenceSeeds.Bypass(0), SequenceSeeds.Bypass(0x80)));
        yield return ("the bypass field off, and features without it", SequenceSeeds.Program(SequenceSeeds.Bypass(0), SequenceSeeds.Reset(StepKind.DeviceReset, 4)));
        yield return ("no features", SequenceSeeds.Program(SequenceSeeds.Reset(StepKind.DeviceReset, 0), attach, map));
        yield return ("a reset of the machine", SequenceSeeds.Program(attach, map, SequenceSeeds.Reset(StepKind.SystemReset)));
        yield return ("a reset of the machine, and a mapping", SequenceSeeds.Program(SequenceSeeds.Reset(StepKind.SystemReset), attach, map));
        yield return ("a device that wants to be reset", SequenceSeeds.Program(attach, map, SequenceSeeds.Request(new DetachRequest(1, FirstEndpoint).Encode(), writable: 0)));
        yield return ("accesses", SequenceSeeds.Program(SequenceSeeds.Dma(FirstEndpoint, Ram, 24, isWrite: true), SequenceSeeds.Dma(SecondEndpoint, Ram + 0x8000, 24, isWrite: false)));
        yield return ("reports that nobody took", SequenceSeeds.Program(attach, SequenceSeeds.Dma(FirstEndpoint, 0x5000, 1, isWrite: true)));
    }

    // CI installs QEMU: there its absence is a fault, not a reason to skip.
    private static string RequireQemu()
    {
        Skip.If(ProcessLauncher.FindOnPath("qemu-system-x86_64") is null && Environment.GetEnvironmentVariable("CI") != "true", "qemu-system-x86_64 is not installed");
        return "qemu";
    }

    // Since version 10 domains outlive a device reset.
    private static string RequireRecentQemu()
    {
        string? named = Environment.GetEnvironmentVariable("RECENT_QEMU");
        Skip.If(string.IsNullOrEmpty(named), "RECENT_QEMU names no qemu-system-x86_64");
        return $"qemu:{named}";
    }

    private string PathOf(string name) => _fuzz.PathOf(name + TargetList.Find("sequence").Format.Extension);

    private int Replay(string name, byte[] program, string device = "qemu", params string[] more)
    {
        File.WriteAllBytes(PathOf(name), TargetList.Find("sequence").Format.ToFile(program));
        return _fuzz.Run(["replay", PathOf(name), "--target", "sequence", "--device", device, .. more]);
    }
}
