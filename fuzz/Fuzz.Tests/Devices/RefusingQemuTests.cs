using System.Buffers.Binary;
using Viommu.Fuzz.Devices;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;
using Viommu.Fuzz.Tests.Program;
using Viommu.Guest.Targets.Processes;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Tests.Devices;

/// <summary>Fuzzing a QEMU whose device does not do what every program begins with: that is a finding, and the campaign goes on.</summary>
public sealed class RefusingQemuTests : IDisposable
{
    private const byte FeaturesOk = 8;

    private readonly FuzzRun _fuzz = new();

    public void Dispose() => _fuzz.Dispose();

    [SkippableFact]
    public void A_device_that_refuses_a_legal_choice_of_features_is_found_and_what_comes_next_runs()
    {
        using var qemu = Tampered(() => new Wants(Features.MapUnmap));
        using var device = OutsideDevice.Find(qemu.Name, TargetList.Find("sequence"))!;
        using var scout = device.NewScout(minimizes: true);
        byte[] attach = Attach(ulong.MaxValue);
        Assert.Equal("CORE-FEAT-D-02|||reset", scout.Execute(Attach(~Features.MapUnmap))?.Key.ToString());
        Assert.Null(scout.Execute(attach));
        // It is told once.
        Assert.Null(scout.Execute(Attach(~Features.MapUnmap)));
        Assert.Null(scout.Execute(attach));
    }

    [SkippableFact]
    public void A_device_that_does_not_end_its_reset_is_found_in_a_program_of_its_own()
    {
        using var qemu = Tampered(() => new KeepsItsStatus());
        Assert.Equal(1, Replay(qemu.Name, SequenceSeeds.Program(SequenceSeeds.Reset(StepKind.DeviceReset))));
        Assert.Contains("CORE-RESET-D-01|||", _fuzz.Output);
        Assert.Equal("", _fuzz.Error);
    }

    /// <summary>6.2: a device may not work for who does not accept ACCESS_PLATFORM, or ORDER_PLATFORM; no program gets there.</summary>
    [SkippableFact]
    public void Features_that_a_device_may_insist_on_are_accepted_whatever_a_program_says()
    {
        using var qemu = Tampered(() => new Wants(Features.AccessPlatform), ",iommu_platform=on");
        Assert.Equal(0, Replay(qemu.Name, Attach(Features.MapUnmap)));
    }

    [SkippableFact]
    public void A_device_that_comes_up_no_more_ends_the_campaign_with_one_line_and_what_was_found()
    {
        int started = 0;
        using var qemu = Tampered(() => Interlocked.Increment(ref started) <= 20 ? new Wants(Features.MapUnmap) : new IsNeverReady());
        Assert.Equal(2, _fuzz.Run("run", "sequence", "--device", qemu.Name, "--seed", "3", "--runs", "100000", "--report", _fuzz.Folder));
        string[] keys = [.. _fuzz.Output.Split('\n').Where(line => line.StartsWith("FOUND ", StringComparison.Ordinal)).Select(line => line["FOUND ".Length..].TrimEnd())];
        Assert.NotEmpty(keys);
        string junit = File.ReadAllText(_fuzz.PathOf("junit.xml"));
        Assert.All(keys, key => Assert.Contains(key, junit));
        Assert.StartsWith("fuzz: the campaign ends: qemu ", _fuzz.Error);
        Assert.Contains("cannot be brought up", _fuzz.Error);
        Assert.Single(_fuzz.Error.TrimEnd().Split('\n'));
        // A start that fails is tried once more.
        Assert.Equal(22, started);
    }

    [SkippableFact]
    public void A_start_that_fails_once_is_nothing()
    {
        int started = 0;
        using var qemu = Tampered(() => Interlocked.Increment(ref started) == 1 ? new IsNeverReady() : new Wants(Features.MapUnmap));
        Assert.Equal(0, Replay(qemu.Name, Attach(ulong.MaxValue)));
        Assert.Equal(2, started);
    }

    private static byte[] Attach(ulong features)
    {
        byte[] program = SequenceSeeds.Program(SequenceSeeds.Request(new AttachRequest(1, TestBed.FirstEndpoint).Encode()));
        BinaryPrimitives.WriteUInt64LittleEndian(program, features);
        return program;
    }

    // CI installs QEMU: there its absence is a fault, not a reason to skip.
    private static TamperedQemu Tampered(Func<IQtestTamper> newTamper, string options = "")
    {
        Skip.If(
            ProcessLauncher.FindOnPath("qemu-system-x86_64") is null && Environment.GetEnvironmentVariable("CI") != "true",
            "qemu-system-x86_64 is not installed");
        return new(newTamper, options);
    }

    private int Replay(string device, byte[] program)
    {
        var format = TargetList.Find("sequence").Format;
        string path = _fuzz.PathOf("program" + format.Extension);
        File.WriteAllBytes(path, format.ToFile(program));
        return _fuzz.Run("replay", path, "--target", "sequence", "--device", device);
    }

    // Refuses whoever does not accept a feature.
    private sealed class Wants(ulong feature) : StatusTamper
    {
        protected override byte Status(byte status) => (Accepted & feature) == 0 ? (byte)(status & ~FeaturesOk) : status;
    }

    // The first resets, by the drivers that look the device over, work.
    private sealed class KeepsItsStatus : StatusTamper
    {
        private byte _last;

        protected override byte Status(byte status) => status == 0 && Resets > 3 ? _last : _last = status;
    }

    private sealed class IsNeverReady : StatusTamper
    {
        protected override byte Status(byte status) => 1;
    }
}
