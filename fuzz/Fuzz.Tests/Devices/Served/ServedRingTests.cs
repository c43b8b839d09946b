using Viommu.Conformance.Selftest;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;

namespace Viommu.Fuzz.Tests.Devices.Served;

/// <summary>Ring programs on devices behind the line protocol: nothing is found on one that keeps to the text, and on others what they break.</summary>
public class ServedRingTests
{
    [Theory]
    [InlineData(ModelTransport.Pci, ModelRing.Split)]
    [InlineData(ModelTransport.Pci, ModelRing.Packed)]
    [InlineData(ModelTransport.Mmio, ModelRing.Split)]
    [InlineData(ModelTransport.Mmio, ModelRing.Packed)]
    public void Nothing_is_found_on_the_reference_device(ModelTransport transport, ModelRing ring)
    {
        var device = new ServedDevice { Configuration = new(transport, ring), Target = TargetOf(ring) };
        var (keys, told) = device.Fuzz(runs: 400);
        Assert.Empty(keys);
        Assert.Contains(" 0 processes ended", told);
        // It was cleaned by requests, or reset, and never started anew; the second is what hello is answered by.
        Assert.Equal(1, device.Starts);
    }

    /// <summary>A machine without a reset line is replaced where nothing else is certain to take away what a program has left.</summary>
    [Fact]
    public void Nor_where_the_machine_has_no_reset_line()
    {
        var device = new ServedDevice { Target = SplitRingTarget.Info, Says = answer => answer.Replace(",reset", "", StringComparison.Ordinal) };
        var (keys, told) = device.Fuzz(runs: 100);
        Assert.Empty(keys);
        Assert.Contains(" 0 processes ended", told);
        Assert.True(device.Starts > 1);
    }

    /// <summary>Of each kind of deviation one device, which campaigns are not told of.</summary>
    [Theory]
    [InlineData("counts no byte of a plain answer", "IOMMU-OPS-D-01|||attach Answer Unwritten")]
    [InlineData("uses the last chain again when notified of nothing", "DESC-SPLIT-01|||split uses more than there is")]
    [InlineData("clears the descriptors of used chains", "SPLIT-DESC-D-04|||split writes a descriptor table")]
    [InlineData("writes behind the used ring when a ring is malformed", "DESC-SPLIT-09|||split writes beside all buffers after a fault")]
    [InlineData("(packed) never sets the WRITE flag", "DESC-PACKED-05|||packed WRITE flag")]
    [InlineData("(packed) turns its wrap counter before the last entry", " not used")]
    public void What_a_device_breaks_is_found(string name, string key)
    {
        var broken = BrokenDevices.All.Single(device => device.Name == name);
        var device = new ServedDevice { Variation = broken.Variation, Configuration = broken.Configuration, Target = TargetOf(broken.Configuration.Ring) };
        Assert.Contains(device.Fuzz(runs: 1200).Keys, found => found.Contains(key, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("time=virtual", "time=real", "it has a time of its own")]
    [InlineData("endpoints=0x20,0x28", "endpoints=0x28", "it names 1 endpoints, and ring programs want two")]
    public void A_device_that_ring_programs_cannot_run_on_is_refused(string word, string instead, string why)
    {
        var device = new ServedDevice { Target = SplitRingTarget.Info, Says = answer => answer.Replace(word, instead, StringComparison.Ordinal) };
        Assert.Contains($"cannot be fuzzed by ring programs: {why}", Assert.Throws<TargetUnavailableException>(device.Open).Message);
    }

    [Fact]
    public void So_is_a_legacy_interface_whose_rings_lie_in_one_piece()
    {
        var device = new ServedDevice { Target = SplitRingTarget.Info, Configuration = new(ModelTransport.LegacyMmio, ModelRing.Split) };
        Assert.Contains("its interface is a legacy one", Assert.Throws<TargetUnavailableException>(device.Open).Message);
    }

    private static TargetInfo TargetOf(ModelRing ring) => ring == ModelRing.Packed ? PackedRingTarget.Info : SplitRingTarget.Info;
}
