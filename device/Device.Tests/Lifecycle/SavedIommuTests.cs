using Viommu.Device.Iommu;
using Viommu.Device.Lifecycle;
using Viommu.Device.Memory;
using Viommu.Device.Tests.Support;
using Viommu.Device.Transport;
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
