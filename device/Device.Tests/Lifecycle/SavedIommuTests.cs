using Viommu.Device.Iommu;
using Viommu.Device.Lifecycle;
using Viommu.Device.Memory;
using Viommu.Device.Tests.Support;
using Viommu.Device.Transport.Mmio;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Lifecycle;

/// <summary>What a saved state says of the IOMMU, byte for byte, and which devices it is for.</summary>
public class SavedIommuTests
{
    private static readonly IommuOptions Odd = new()
    {
        PageSizeMask = 0x1000,
        InputRange = new(0x1000, 0x7fff),
        DomainRange = new(3, 9),
        ProbeSize = 0x40,
        InitialBypass = false,
        MaximumDomains = 5,
        MaximumMappings = 6,
        EndpointRanges = [new(0x10, 0x1f)],
    };

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public void What_the_device_is_comes_first(bool bypass, byte shown)
    {
        var options = Odd with { InitialBypass = bypass };
        Assert.Equal(
            [
                .. Bytes.Le64((ulong)options.Features), .. Bytes.Le64(0x1000), .. Bytes.Le64(0x1000), .. Bytes.Le64(0x7fff),
                .. Bytes.Le32(3), .. Bytes.Le32(9), .. Bytes.Le32(0x40), shown, 0, 0, 0, .. Bytes.Le32(5), .. Bytes.Le32(6),
            ],
            Section(Saved(options))[..56]);
    }

    public static TheoryData<IommuOptions> Others =>
    [
        Odd with { Features = IommuFeatures.MapUnmap },
        Odd with { PageSizeMask = 0x3000 },
        Odd with { InputRange = new(0, 0x7fff) },
        Odd with { InputRange = new(0x1000, 0x8fff) },
        Odd with { DomainRange = new(2, 9) },
        Odd with { DomainRange = new(3, 8) },
        Odd with { ProbeSize = 0x60 },
        Odd with { InitialBypass = true },
        Odd with { MaximumDomains = 4 },
        Odd with { MaximumMappings = 7 },
    ];

    [Theory]
    [MemberData(nameof(Others))]
    public void It_is_for_a_device_that_is_the_same_in_all_of_that(IommuOptions other)
    {
        var state = Saved(Odd);
        Assert.True(Make(Odd).Mmio.TryRestore(state, out _));
        Assert.False(Make(other).Mmio.TryRestore(state, out var error));
        Assert.Equal(StateFault.OtherDevice, error.Fault);
    }

    [Fact]
    public void Endpoints_are_ranges_and_domains_and_their_endpoints_ascend()
    {
        var (device, mmio) = Make(Odd);
        device.FeaturesNegotiated((ulong)Odd.Features | (ulong)VirtioFeatures.Version1);
        foreach (var (domain, endpoint) in (ReadOnlySpan<(uint, uint)>)[(9, 0x14), (4, 0x1c), (4, 0x11), (7, 0x10)])
            Assert.Equal(4, device.Process(IommuDevice.RequestQueue, Bytes.Attach(domain, endpoint), new byte[4]));

        // After the device, what is negotiated and bypass.
        Assert.Equal(
            [
                .. Bytes.Le32(1), .. Bytes.Le32(0x10), .. Bytes.Le32(0x1f), .. Bytes.Le32(0),
                .. Bytes.Le32(3),
                .. Bytes.Le32(4), 0, .. Bytes.Le32(2), .. Bytes.Le32(0x11), .. Bytes.Le32(0x1c), .. Bytes.Le32(0),
                .. Bytes.Le32(7), 0, .. Bytes.Le32(1), .. Bytes.Le32(0x10), .. Bytes.Le32(0),
                .. Bytes.Le32(9), 0, .. Bytes.Le32(1), .. Bytes.Le32(0x14), .. Bytes.Le32(0),
            ],
            Section(mmio.Save())[(56 + 8 + 1)..]);
    }

    public static TheoryData<string, int, byte[]> Impossible => new()
    {
        { "a domain that is there twice", 17, [.. Bytes.Le32(2), .. Domain(4, 0x11), .. Domain(4, 0x12)] },
        { "a domain that is there twice, with one in between", 34, [.. Bytes.Le32(3), .. Domain(4, 0x11), .. Domain(7, 0x12), .. Domain(4, 0x13)] },
        { "an endpoint in two domains", 17 + 4 + 1 + 4, [.. Bytes.Le32(2), .. Domain(4, 0x11), .. Domain(7, 0x11)] },
        { "an endpoint twice in a domain", 4 + 1 + 4 + 4, [.. Bytes.Le32(1), .. Domain(4, 0x11, 0x11)] },
        { "a domain without endpoints", 0, [.. Bytes.Le32(2), .. Domain(4), .. Domain(7, 0x11, 0x12)] },
        { "a domain without endpoints, behind one that has some", 21, [.. Bytes.Le32(2), .. Domain(4, 0x11, 0x12), .. Domain(7)] },
        { "an endpoint that nobody manages", 4 + 1 + 4, [.. Bytes.Le32(1), .. Domain(4, 0x20)] },
        { "a domain that no driver may name", 4 + 1 + 4, [.. Bytes.Le32(1), .. Domain(10, 0x11)] },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void Domains_that_no_driver_can_bring_about_are_refused(string what, int at, byte[] domains)
    {
        var state = WithDomains(domains);
        var mmio = Make(Odd).Mmio;
        var before = mmio.Save();
        Assert.False(mmio.TryRestore(state, out var error), what);

        // Behind the number of domains.
        Assert.Equal(new(StateFault.Unreachable, state.AsSpan().IndexOf("IOMM"u8) + 8 + BeforeDomains + 4 + at), error);
        Assert.Equal(before, mmio.Save());
    }

    [Fact]
    public void Domains_that_a_driver_can_bring_about_are_taken_over()
    {
        var state = WithDomains([.. Bytes.Le32(2), .. Domain(4, 0x11, 0x1c), .. Domain(9, 0x14)]);
        var mmio = Make(Odd).Mmio;
        Assert.True(mmio.TryRestore(state, out _));
        Assert.Equal(state, mmio.Save());
    }

    // The device, what is negotiated, bypass, and one range of endpoints without reserved regions.
    private const int BeforeDomains = 56 + 8 + 1 + 4 + 12;

    /// <summary>A domain that translates, with nothing mapped: 13 bytes, and 4 for each endpoint.</summary>
    private static byte[] Domain(uint id, params uint[] endpoints) =>
        [.. Bytes.Le32(id), 0, .. Bytes.Le32((uint)endpoints.Length), .. endpoints.SelectMany(Bytes.Le32), .. Bytes.Le32(0)];

    private static byte[] WithDomains(byte[] domains)
    {
        var empty = Saved(Odd);
        int section = empty.AsSpan().IndexOf("IOMM"u8);
        byte[] state = [.. empty[..(section + 8 + BeforeDomains)], .. domains, 0, 0, 0, 0];
        Bytes.Le32((uint)state.Length).CopyTo(state, 8);
        Bytes.Le32((uint)(BeforeDomains + domains.Length)).CopyTo(state, section + 4);
        SavedBytes.Seal(state);
        return state;
    }

    private static (IommuDevice Device, VirtioMmioDevice Mmio) Make(IommuOptions options)
    {
        var memory = new FlatGuestMemory(0, 0x10000);
        var device = new IommuDevice(options, memory);
        return (device, new VirtioMmioDevice(device, memory, new VirtioMmioOptions()));
    }

    private static byte[] Saved(IommuOptions options) => Make(options).Mmio.Save();

    /// <summary>The content of the section IOMM, which is the last; a checksum follows it.</summary>
    private static byte[] Section(byte[] state)
    {
        int at = state.AsSpan().IndexOf("IOMM"u8);
        Assert.True(at > 0);
        return state[(at + 8)..^4];
    }
}
