using Viommu.Fuzz.Devices;
using Viommu.Fuzz.Rings;
using Viommu.Fuzz.Targets;
using Viommu.Fuzz.Tests.Program;
using Viommu.Guest.Targets.Processes;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Tests.Devices.Rings;

/// <summary>Ring programs on a real QEMU, where one is installed.</summary>
public sealed class QemuRingTests : IDisposable
{
    private const byte Attach = 1;
    private const byte Map = 3;

    private readonly FuzzRun _fuzz = new();

    public static TheoryData<string, bool> Targets => new() { { "split-ring", false }, { "packed-ring", false }, { "split-ring", true }, { "packed-ring", true } };

    public void Dispose() => _fuzz.Dispose();

    [SkippableTheory]
    [MemberData(nameof(Targets))]
    public void A_campaign_accuses_it_of_nothing_but_what_is_true(string target, bool isRecent)
    {
        string qemu = Require(isRecent);
        string known = Path.Combine(AppContext.BaseDirectory, "Devices", "Rings", isRecent ? "qemu-10-rings.yaml" : "qemu-7.2-rings.yaml");
        int exit = _fuzz.Run("run", target, "--device", qemu, "--seed", "3", "--runs", "3000", "--expect", known, "--report", _fuzz.Folder);
        Assert.DoesNotContain("FOUND", _fuzz.Output);
        Assert.Equal(0, exit);
        Assert.Contains("3000 executions", _fuzz.Output);
        Assert.Matches("findings 0, known [2-9]", _fuzz.Output);
        // What a seed shows is found by every campaign, the same on all versions.
        Assert.Contains(target == "split-ring" ? "KNOWN SPLIT-INDIRECT-D-02|||split" : "KNOWN DESC-PACKED-05|||packed WRITE flag", _fuzz.Output);
    }

    [SkippableTheory]
    [MemberData(nameof(Targets))]
    public void A_program_does_the_same_whatever_ran_before_it(string target, bool isRecent)
    {
        var format = target == "split-ring" ? RingFormat.Split : RingFormat.Packed;
        var look = RingSeeds.Program(ulong.MaxValue, 3,
            RingSeeds.Submit(1, 0, 1, 24), RingSeeds.Provoke(0x1000), RingSeeds.Submit(0, 0, Map, 4), RingSeeds.Submit(0, 1, Attach, 4), RingSeeds.Submit(0, 2, Map, 4));
        using var device = OutsideDevice.Find(Require(isRecent), TargetList.Find(target))!;
        using var replay = device.NewReplay();
        // What every used descriptor of a packed ring has wrong is told where nothing else is.
        string? expected = format.IsPacked ? "DESC-PACKED-05|||packed WRITE flag" : null;
        Assert.Equal(expected, replay.Execute(look)?.Key.ToString());
        ulong trace = replay.Observations.Trace;
        Assert.NotEqual(0UL, trace);
        foreach (var (what, program) in Litter())
        {
            replay.Execute(program);
            Assert.Equal(expected, replay.Execute(look)?.Key.ToString());
            Assert.True(trace == replay.Observations.Trace, $"another trace after: {what}");
        }
    }

    [SkippableFact]
    public void A_table_behind_direct_descriptors_is_found_and_made_small_on_that_device_and_shows_nothing_on_ours()
    {
        Require(isRecent: false);
        string path = _fuzz.PathOf("mixed.bin");
        File.WriteAllBytes(path, RingSeeds.Program(Features.IndirectDesc, 3,
            RingSeeds.Submit(0, 1, Map, 4),
            RingSeeds.Request(0, Attach),
            RingSeeds.Descriptor(0, 4, RingMachine.At(RingMachine.ReadableBuffers), 20, 1, 5),
            RingSeeds.Descriptor(0, 5, RingMachine.At(RingMachine.IndirectTable), 16, 4, 0),
            RingSeeds.Descriptor(2, 0, RingMachine.At(RingMachine.WritableBuffers), 4, 2, 0),
            RingSeeds.Offer(0, 4, 1),
            RingSeeds.Notify(0)));
        Assert.Equal(1, Fuzz("replay", path));
        Assert.Contains("SPLIT-INDIRECT-D-02|||split", _fuzz.Output);
        Assert.Contains("clause   SPLIT-INDIRECT-D-02 (MUST)", _fuzz.Output);
        Assert.Contains("seen     DEVICE_NEEDS_RESET", _fuzz.Output);
        Assert.Equal(1, Fuzz("replay", path, "--export-qtest", _fuzz.PathOf("out.qtest")));
        Assert.Contains("QEMU alone gives the same answers", _fuzz.Output);
        Assert.Contains("# seen: DEVICE_NEEDS_RESET", File.ReadAllText(_fuzz.PathOf("out.qtest")));
        Assert.Equal(0, Fuzz("minimize", path, "-o", _fuzz.PathOf("small.bin")));
        Assert.Contains("7 operations -> ", _fuzz.Output);
        Assert.Equal(1, Fuzz("replay", _fuzz.PathOf("small.bin")));
        Assert.Equal(0, _fuzz.Run("replay", _fuzz.PathOf("small.bin"), "--target", "split-ring"));

        int Fuzz(string verb, string file, params string[] more) => _fuzz.Run([verb, file, "--target", "split-ring", "--device", "qemu", .. more]);
    }

    // Each leaves something else behind.
    private static IEnumerable<(string What, byte[] Program)> Litter()
    {
        byte[] attach = RingSeeds.Submit(0, 0, Attach, 4);
        yield return ("a mapping", Program(attach, RingSeeds.Submit(0, 1, Map, 4)));
        yield return ("a request that nobody has seen", Program(RingSeeds.Request(0, Attach), RingSeeds.Descriptor(0, 0, RingMachine.At(RingMachine.ReadableBuffers), 20, 1, 1), RingSeeds.Offer(0, 0, 1)));
        yield return ("a malformed ring behind a mapping", Program(attach, RingSeeds.Submit(0, 1, Map, 4), RingSeeds.Offer(0, 15, 1), RingSeeds.Notify(0)));
        yield return ("event buffers that wait", Program(RingSeeds.Submit(1, 0, 1, 24), RingSeeds.Submit(1, 1, 1, 24)));
        yield return ("reports that nobody took", Program(RingSeeds.Provoke(0x1000), RingSeeds.Provoke(0x2000)));
        yield return ("an event buffer that is too small", Program(RingSeeds.Submit(1, 0, 1, 4), RingSeeds.Provoke(0x1000)));
        yield return ("a ring of one", RingSeeds.Program(0, 0, attach));
        yield return ("buffers over the rings", Program(RingSeeds.Descriptor(0, 0, RingMachine.At(0), 64, 2, 0), RingSeeds.Offer(0, 0, 1), RingSeeds.Notify(0)));
        yield return ("buffers where registers are", Program(RingSeeds.Descriptor(0, 0, 0xe000_0000, 64, 1, 1), RingSeeds.Descriptor(0, 1, 0xe800_0000, 64, 2, 0), RingSeeds.Offer(0, 0, 1), RingSeeds.Notify(0)));
        yield return ("buffers beyond memory", Program(RingSeeds.Descriptor(0, 0, 0xffff_ffff_ffff_f000, 64, 2, 0), RingSeeds.Offer(0, 0, 1), RingSeeds.Notify(0)));
    }

    private static byte[] Program(params byte[][] steps) => RingSeeds.Program(ulong.MaxValue, 3, steps);

    // CI installs QEMU: there its absence is a fault, not a reason to skip.
    private static string Require(bool isRecent)
    {
        string? recent = Environment.GetEnvironmentVariable("RECENT_QEMU");
        if (isRecent) Skip.If(string.IsNullOrEmpty(recent), "RECENT_QEMU names no qemu-system-x86_64");
        else Skip.If(ProcessLauncher.FindOnPath("qemu-system-x86_64") is null && Environment.GetEnvironmentVariable("CI") != "true", "qemu-system-x86_64 is not installed");
        return isRecent ? $"qemu:{recent}" : "qemu";
    }
}
