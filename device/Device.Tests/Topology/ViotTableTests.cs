using System.Text.RegularExpressions;
using Viommu.Device.Tests.Support;
using Viommu.Device.Topology;

namespace Viommu.Device.Tests.Topology;

/// <summary>ACPI 6.4, section 5.2.34: Virtual I/O Translation Table.</summary>
public class ViotTableTests
{
    // Typed from the listings of the specification.
    private static readonly byte[] Golden = Convert.FromHexString(string.Concat(
        "56494f54", "b0000000", "00", "3a", "56494f4d4d55", "544f504f4c4f4759", "01000000", "56494f4d", "01000000",
        "0600", "3000", "0000000000000000",
        // 0x30: virtio-pci IOMMU, segment 0, 00:01.0.
        "03", "00", "1000", "0000", "0800", "0000000000000000",
        // 0x40: virtio-mmio IOMMU.
        "04", "00", "1000", "00000000", "0034000000000000",
        // PCI ranges: 00:00.0 to 00:00.7, 00:01.1 to 0f:1f.7, and all of segment 1.
        "01", "00", "1800", "00000000", "0000", "0000", "0000", "0700", "3000", "000000000000",
        "01", "00", "1800", "09000000", "0000", "0000", "0900", "ff0f", "3000", "000000000000",
        "01", "00", "1800", "00000100", "0100", "0100", "0000", "ffff", "3000", "000000000000",
        // MMIO endpoint 23.
        "02", "00", "1800", "17000000", "0030000000000000", "4000", "000000000000"));

    [Fact]
    public void The_table_has_the_bytes_of_the_specification() =>
        Assert.Equal(Convert.ToHexString(Golden), Convert.ToHexString(ViotTable.Describe(Platform.TwoIommus).Encode()));

    [SkippableFact]
    public void Iasl_reads_in_the_table_what_was_described()
    {
        string text = Disassemble(ViotTable.Describe(Platform.TwoIommus).Encode());
        Assert.DoesNotMatch("(?i)error|warning|invalid|incorrect", text);
        Assert.Equal(
            [
                "Type : 03 [VirtIO-PCI IOMMU]", "PCI Segment : 0000", "PCI BDF number : 0008",
                "Type : 04 [VirtIO-MMIO IOMMU]", "Base address : 0000000000003400",
                "Type : 01 [PCI Range]", "Endpoint start : 00000000", "PCI Segment start : 0000", "PCI Segment end : 0000",
                "PCI BDF start : 0000", "PCI BDF end : 0007", "Output node : 0030",
                "Type : 01 [PCI Range]", "Endpoint start : 00000009", "PCI Segment start : 0000", "PCI Segment end : 0000",
                "PCI BDF start : 0009", "PCI BDF end : 0FFF", "Output node : 0030",
                "Type : 01 [PCI Range]", "Endpoint start : 00010000", "PCI Segment start : 0001", "PCI Segment end : 0001",
                "PCI BDF start : 0000", "PCI BDF end : FFFF", "Output node : 0030",
                "Type : 02 [MMIO Endpoint]", "Endpoint : 00000017", "Base address : 0000000000003000", "Output node : 0040",
            ],
            NodeFields(text));
    }

    [SkippableFact]
    public void Iasl_finds_fault_with_a_wrong_checksum()
    {
        var bytes = ViotTable.Describe(Platform.TwoIommus).Encode();
        bytes[9]++;
        Assert.Contains("Incorrect checksum", Disassemble(bytes), StringComparison.Ordinal);
    }

    [Fact]
    public void The_endpoints_described_are_those_that_the_device_accepts()
    {
        var platform = Platform.TwoIommus;
        var table = ViotTable.Describe(platform);
        foreach (var iommu in platform.Iommus)
        {
            var machine = new Support.Iommu(options => options with { Endpoints = [], EndpointRanges = iommu.EndpointRanges });
            var described = table.EndpointsOf(iommu.Location).ToArray();
            uint[] boundaries = [.. platform.Iommus.SelectMany(other => other.EndpointRanges).SelectMany(range => new[] { range.First, range.Last })];
            foreach (uint id in boundaries.SelectMany(id => new[] { unchecked(id - 1), id, id + 1 }))
            {
                bool isDescribed = described.Any(range => range.First <= id && id <= range.Last);
                Assert.Equal(isDescribed ? Bytes.Ok : Bytes.NoEnt, machine.Send(Bytes.Attach(1, id)));
            }
        }
    }

    [Fact]
    public void Endpoint_ids_of_a_range_over_segments_are_65536_apart()
    {
        var range = new ViotPciRange(2, 4, new(0x10), new(0x1f), 0x100, Platform.OnPci);
        Assert.Equal([new(0x100, 0x10f), new(0x10100, 0x1010f), new(0x20100, 0x2010f)], range.EndpointIds);
    }

    [Fact]
    public void A_table_that_cannot_be_is_refused()
    {
        var slots = Enumerable.Range(0, 4094).Select(IommuLocation (i) => new IommuLocation.Mmio((ulong)i << 12)).ToArray();
        new ViotTable(slots[..^1], [], []).Encode();
        Assert.Throws<InvalidOperationException>(new ViotTable(slots, [], []).Encode);
        var device = new ViotMmioEndpoint(0, 0, slots[0]);
        Assert.Throws<InvalidOperationException>(new ViotTable([slots[1]], [], [device]).Encode);
        new ViotTable([slots[0]], [], [.. Enumerable.Repeat(device, 0xfffe)]).Encode();
        Assert.Throws<InvalidOperationException>(new ViotTable([slots[0]], [], [.. Enumerable.Repeat(device, 0xffff)]).Encode);
    }

    private static string Disassemble(byte[] table)
    {
        // A newer one than the distribution's can be named: iasl has known the table since version 20210604.
        string iasl = Environment.GetEnvironmentVariable("IASL") ?? "iasl";
        string directory = Directory.CreateTempSubdirectory("viot").FullName;
        string file = Path.Combine(directory, "viot.dat");
        try
        {
            File.WriteAllBytes(file, table);
            var (_, output) = Tool.Run(iasl, "-d", file);
            string text = output + File.ReadAllText(Path.ChangeExtension(file, "dsl"));
            Tool.Missing(!text.Contains("Node count", StringComparison.Ordinal), $"{iasl} does not know the VIOT");
            return text;
        }
        finally
        {
            Directory.Delete(directory, true);
        }
    }

    // The listing from the first node on without reserved fields, lengths, and the columns in front: [Offset Decimal Length] name : value.
    private static IEnumerable<string> NodeFields(string text) =>
        Regex.Matches(text, @"^\[[^\]]+\] +(?<name>[^:]+?) : (?<value>.+?)\s*$", RegexOptions.Multiline)
            .Select(match => $"{match.Groups["name"]} : {match.Groups["value"]}")
            .SkipWhile(field => !field.StartsWith("Type", StringComparison.Ordinal))
            .Where(field => !field.StartsWith("Reserved", StringComparison.Ordinal) && !field.StartsWith("Length", StringComparison.Ordinal))
            .Select(field => field.Trim());
}
