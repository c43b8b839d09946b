using Viommu.Conformance.Selftest;
using Viommu.Device.Iommu;
using Viommu.Device.Wire;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Tests.Devices.Served;

/// <summary>Campaigns on devices behind the line protocol: nothing is found on one that keeps to the text, whatever it lacks, and on others what they break.</summary>
public class ServedCampaignTests
{
    private const uint FirstEndpoint = TestBed.FirstEndpoint;

    private static readonly byte[] _attach = SequenceSeeds.Request(new AttachRequest(1, FirstEndpoint).Encode());
    private static readonly byte[] _map = SequenceSeeds.Request(new MapRequest(1, 0x1000, 0x1fff, TestBed.Ram, 3).Encode());
    private static readonly byte[] _detach = SequenceSeeds.Request(new DetachRequest(1, FirstEndpoint).Encode());
    private static readonly byte[] _unmap = SequenceSeeds.Request(new UnmapRequest(1, 0x1000, 0x1fff).Encode());

    private static readonly Dictionary<string, Func<IommuOptions, IommuOptions>> _limited = new()
    {
        ["queues of two"] = options => options with { RequestQueueSize = 2, EventQueueSize = 2 },
        ["queues of eight"] = options => options with { RequestQueueSize = 8, EventQueueSize = 8 },
        ["pages of 64 KiB"] = options => options with { PageSizeMask = 0xffff_ffff_ffff_0000 },
        ["pages of 2 MiB"] = options => options with { PageSizeMask = 0x20_0000 },
        ["a narrow range"] = options => options with { InputRange = new(0x1_0000, 0xf_ffff), DomainRange = new(3, 9) },
        ["MAP_UNMAP alone"] = options => options with { Features = IommuFeatures.MapUnmap },
        ["no feature at all"] = options => options with { Features = IommuFeatures.None },
        ["bypass the old way"] = options => options with { Features = IommuFeatures.All & ~IommuFeatures.BypassConfig },
        ["room for little"] = options => options with { MaximumDomains = 1, MaximumMappings = 1 },
    };

    [Theory]
    [InlineData(ModelTransport.Pci, ModelRing.Split)]
    [InlineData(ModelTransport.Pci, ModelRing.Packed)]
    [InlineData(ModelTransport.Mmio, ModelRing.Split)]
    [InlineData(ModelTransport.Mmio, ModelRing.Packed)]
    [InlineData(ModelTransport.LegacyMmio, ModelRing.Split)]
    [InlineData(ModelTransport.TransitionalPci, ModelRing.Split)]
    public void Nothing_is_found_on_the_reference_device(ModelTransport transport, ModelRing ring)
    {
        var device = new ServedDevice { Configuration = new(transport, ring) };
        var (keys, told) = device.Fuzz(runs: 300);
        Assert.Empty(keys);
        Assert.Contains(" 0 processes ended", told);
        Assert.DoesNotContain("not reported", told);
        // It was cleaned by requests, or reset, and never started anew; the second is what hello is answered by.
        Assert.Equal(1, device.Starts);
    }

    [Theory]
    [InlineData("time=virtual", "time=real")]
    [InlineData("endpoints=0x20,0x28", "endpoints=0x28 buffer=0x800")]
    public void Nor_on_one_that_is_told_of_otherwise(string word, string instead) =>
        Assert.Empty(new ServedDevice { Says = answer => answer.Replace(word, instead, StringComparison.Ordinal) }.Fuzz(runs: 100).Keys);

    /// <summary>Devices that have less, or other limits, than the one that programs are made for.</summary>
    public static TheoryData<string> Limits => [.. _limited.Keys];

    [Theory]
    [MemberData(nameof(Limits))]
    public void Nor_on_one_with_other_limits(string limit)
    {
        var device = new ServedDevice { Variation = new ModelVariation { Options = _limited[limit] } };
        var (keys, told) = device.Fuzz(runs: 300);
        Assert.Empty(keys);
        Assert.Contains(" 0 processes ended", told);
        Assert.Equal(1, device.Starts);
    }

    [Fact]
    public void A_ring_that_takes_no_request_is_a_reason_to_refuse()
    {
        var device = new ServedDevice { Variation = new ModelVariation { Options = options => options with { RequestQueueSize = 1 } } };
        Assert.Contains("cannot be brought up: queue 0 has 1 descriptors", Assert.Throws<TargetUnavailableException>(device.Open).Message);
    }

    /// <summary>Which of the requests that a device has at the same time it returns first is its own affair.</summary>
    [Fact]
    public void Nor_on_one_that_returns_a_batch_in_another_order()
    {
        var turned = BrokenDevices.All.Single(device => device.Name == "uses the first two requests of a batch in turned order");
        var (keys, told) = new ServedDevice { Variation = turned.Variation, Configuration = turned.Configuration }.Fuzz(runs: 300);
        Assert.Empty(keys);
        Assert.Contains("1 programs abandoned: answered out of order", told);
    }

    [Fact]
    public void Nor_on_one_that_lets_endpoints_nowhere_by_themselves()
    {
        var (keys, told) = new ServedDevice { Hears = command => command.StartsWith("start", StringComparison.Ordinal) ? command.Replace(" /", " bypass=0x0 /", StringComparison.Ordinal) : command }.Fuzz(runs: 300);
        Assert.Empty(keys);
        Assert.DoesNotContain("left out 0", told);
        Assert.DoesNotMatch(" 0 accesses", told);
        Assert.DoesNotContain("neither in bypass mode", told);
    }

    [Fact]
    public void What_a_device_lacks_is_left_out_and_counted()
    {
        var device = new ServedDevice { Says = answer => answer.StartsWith("OK 1 name", StringComparison.Ordinal) ? "OK 1 name=bare time=virtual device=pci:00:03.0" : answer };
        var (keys, told) = device.Fuzz(runs: 400);
        Assert.Empty(keys);
        Assert.Matches("(?m)^left out [1-9][0-9]* times: accesses: the device names no endpoint that makes them$", told);
        Assert.Matches("(?m)^left out [1-9][0-9]* times: resets of the machine: the device has none$", told);
        Assert.Contains(" 0 accesses", told);
    }

    /// <summary>Of each kind of deviation one device, which campaigns are not told of.</summary>
    [Theory]
    // A wrong status.
    [InlineData("answers UNMAP on a missing domain with OK", "IOMMU-UNMAP-D-03|||unmap Answer Ok")]
    [InlineData("ignores the reserved bytes of ATTACH", "IOMMU-ATTACH-D-01|||attach Answer Ok")]
    [InlineData("answers splitting a mapping with INVAL", "IOMMU-UNMAP-D-05|||unmap Answer Inval")]
    // Bytes.
    [InlineData("leaves rubbish behind the status", "IOMMU-OPS-D-05|||")]
    [InlineData("counts bytes it did not write as used", "used-length-within-writable|||")]
    // Where DMA gets to.
    [InlineData("translates by the mappings of every domain", "|||dma")]
    [InlineData("maps to the granule behind the one asked for", "|||dma")]
    [InlineData("translates bypass domains by mappings", "|||dma")]
    [InlineData("removes what it can before it finds a mapping to split", "IOMMU-UNMAP-D-06|||")]
    // Fault reports.
    [InlineData("sets reserved fields of fault reports", "IOMMU-FAULT-D-01|||report")]
    [InlineData("names another endpoint in fault reports", "IOMMU-FAULT-D-03|||report")]
    // Resets.
    [InlineData("keeps attachments over a device reset", "DESC-IOMMU-01|||reset Leftover None")]
    public void What_a_device_breaks_is_found_once(string name, string key)
    {
        var broken = BrokenDevices.All.Single(device => device.Name == name);
        var (keys, told) = new ServedDevice { Variation = broken.Variation, Configuration = broken.Configuration }.Fuzz(runs: 1200);
        Assert.Contains(keys, found => found.Contains(key, StringComparison.Ordinal));
        Assert.Equal(keys.Distinct(), keys);
        Assert.All(keys, found => Assert.Contains($"times, known: {found}", told));
    }

    /// <summary>What one program has left is not held against the next, where no reset line takes it away: a fresh device does.</summary>
    [Fact]
    public void Domains_that_outlive_a_device_reset_are_found_without_a_reset_of_the_machine_and_charged_to_nothing_else()
    {
        var device = new ServedDevice
        {
            Variation = BrokenDevices.All.Single(device => device.Name == "keeps attachments over a device reset").Variation,
            Says = answer => answer.Replace(",reset", "", StringComparison.Ordinal),
        };
        var (keys, told) = device.Fuzz(runs: 1200);
        Assert.Equal(["DESC-IOMMU-01|||reset Leftover None"], keys);
        Assert.Contains("resets of the machine: the device has none", told);
        Assert.True(device.Starts > 1);
    }

    [Fact]
    public void A_program_that_dies_is_replaced_and_what_it_died_of_is_not_done_again()
    {
        var device = new ServedDevice
        {
            Variation = ServedDevice.Handling((request, reply, next) => request[0] == RequestType.Detach ? throw new InvalidOperationException("it cannot detach") : next(request, reply)),
        };
        using var opened = device.Open();
        using var scout = opened.NewScout(minimizes: true);
        var finding = scout.Execute(SequenceSeeds.Program(_attach, _map, _unmap, _detach, _attach))!;
        Assert.EndsWith("|||detach ends the process", finding.Key.ToString());
        Assert.Contains("the model threw an exception", finding.Details);
        Assert.Equal(1, SequenceShape.Shape.RecordsIn(finding.Input!.Length));
        int starts = device.Starts;
        // Nor is it cleaned by what it would die of.
        Assert.Null(scout.Execute(SequenceSeeds.Program(_detach, SequenceSeeds.Dma(FirstEndpoint, 0x1000, 1, isWrite: true))));
        Assert.Equal(starts + 1, device.Starts);
        Assert.Matches("not sent [1-9][0-9]* times, ends the device: detach", string.Join('\n', opened.DescribePassedOver()));
    }

    [Fact]
    public void A_program_that_hangs_is_replaced_and_found_once()
    {
        using var end = new ManualResetEventSlim();
        var device = new ServedDevice
        {
            Deadline = TimeSpan.FromSeconds(6),
            Variation = ServedDevice.Handling((request, reply, next) =>
            {
                if (request[0] == RequestType.Unmap && BitConverter.ToUInt64(request.AsSpan(8)) != 0) end.Wait();
                return next(request, reply);
            }),
        };
        using var opened = device.Open();
        using var scout = opened.NewScout(minimizes: false);
        byte[] program = SequenceSeeds.Program(_attach, _map, _unmap);
        var finding = scout.Execute(program)!;
        Assert.EndsWith("|||unmap hangs", finding.Key.ToString());
        Assert.Contains("did not answer 'write mmio ", finding.Message);
        int starts = device.Starts;
        Assert.Null(scout.Execute(program));
        Assert.Null(scout.Execute(program));
        // The one that was found last is replaced, and no other hangs.
        Assert.Equal(starts + 1, device.Starts);
        end.Set();
    }

    [Theory]
    [InlineData("what is that")]
    [InlineData("OK 0x1")]
    [InlineData("NO I do not want to")]
    public void A_program_that_breaks_the_protocol_is_replaced_and_found_once(string garbage)
    {
        bool isConfused = false;
        var device = new ServedDevice
        {
            Variation = ServedDevice.Handling((request, reply, next) =>
            {
                isConfused |= request[0] == RequestType.Map;
                return next(request, reply);
            }),
            Says = answer => isConfused ? garbage : answer,
            // Whoever starts is not confused yet.
            Hears = command =>
            {
                if (command.StartsWith("hello", StringComparison.Ordinal)) isConfused = false;
                return command;
            },
        };
        using var opened = device.Open();
        using var scout = opened.NewScout(minimizes: true);
        byte[] program = SequenceSeeds.Program(_attach, _map, _unmap);
        var finding = scout.Execute(program)!;
        Assert.EndsWith("|||map breaks the protocol", finding.Key.ToString());
        Assert.Contains("which is not the protocol", finding.Message);
        Assert.Null(scout.Execute(program));
    }

    /// <summary>An adapter that cannot do what it is asked to says nothing of its device.</summary>
    [Fact]
    public void An_adapter_that_fails_is_no_finding()
    {
        var device = new ServedDevice { Hears = command => command.Contains("0x1ff8", StringComparison.Ordinal) ? "nonsense" : command };
        using var opened = device.Open();
        using var replay = opened.NewReplay();
        Assert.Null(replay.Execute(SequenceSeeds.Program(_attach, _map)));
        var failure = Assert.Throws<TargetUnavailableException>(() => replay.Execute(SequenceSeeds.Program(_attach, _map, SequenceSeeds.Dma(FirstEndpoint, 0x1ff8, 8, isWrite: true))));
        Assert.Contains("model cannot do 'dma 0x20 write 0x1ff8", failure.Message);
    }
}
