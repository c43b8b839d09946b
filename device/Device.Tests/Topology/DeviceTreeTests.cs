using Viommu.Device.Tests.Support;
using Viommu.Device.Topology;

namespace Viommu.Device.Tests.Topology;

/// <summary>The device-tree bindings of virtio-iommu, and the generic ones that they build on (iommu.txt, pci-iommu.txt).</summary>
public class DeviceTreeTests
{
    private const string Golden =
        """
        /dts-v1/;

        / {
        	#address-cells = <2>;
        	#size-cells = <2>;

        	pcie@40000000 {
        		compatible = "pci-host-ecam-generic";
        		device_type = "pci";
        		reg = <0x0 0x40000000 0x0 0x1000000>;
        		bus-range = <0 15>;
        		linux,pci-domain = <0>;
        		#address-cells = <3>;
        		#size-cells = <2>;
        		ranges = <0x2000000 0x0 0x10000000 0x0 0x10000000 0x0 0x10000000>;
        		iommu-map = <0x0 &viommu0 0x0 0x8>, <0x9 &viommu0 0x9 0xff7>;

        		viommu0: iommu@1 {
        			compatible = "virtio,pci-iommu", "pci1af4,1057";
        			reg = <0x800 0x0 0x0 0x0 0x0>;
        			#iommu-cells = <1>;
        		};
        	};

        	pcie@8000000000 {
        		compatible = "pci-host-ecam-generic";
        		device_type = "pci";
        		reg = <0x80 0x0 0x0 0x10000000>;
        		bus-range = <0 255>;
        		linux,pci-domain = <1>;
        		#address-cells = <3>;
        		#size-cells = <2>;
        		ranges = <0x2000000 0x0 0x20000000 0x0 0x20000000 0x0 0x10000000>;
        		iommu-map = <0x0 &viommu0 0x10000 0x10000>;
        	};

        	iommu@3400 {
        		compatible = "virtio,mmio";
        		reg = <0x0 0x3400 0x0 0x200>;
        		#iommu-cells = <1>;
        	};

        	virtio@3000 {
        		compatible = "virtio,mmio";
        		reg = <0x0 0x3000 0x0 0x200>;
        		iommus = <&viommu1 0x17>;
        	};
        };

        """;

    [Fact]
    public void The_fragment_is_what_the_bindings_ask_for() =>
        Assert.Equal(Golden.Replace("\tiommu@3400", "\tviommu1: iommu@3400", StringComparison.Ordinal), DeviceTreeFragment.Write(Platform.TwoIommus));

    [SkippableFact]
    public void Dtc_accepts_the_fragment_without_a_warning() => WithBlob(Platform.TwoIommus, _ => { });

    [SkippableFact]
    public void Dtc_resolves_the_references_to_the_IOMMUs() => WithBlob(Platform.TwoIommus, blob =>
    {
        string onPci = Property(blob, "/pcie@40000000/iommu@1", "phandle");
        string inSlot = Property(blob, "/iommu@3400", "phandle");
        Assert.NotEqual(onPci, inSlot);
        Assert.Equal($"0 {onPci} 0 8 9 {onPci} 9 ff7", Property(blob, "/pcie@40000000", "iommu-map"));
        Assert.Equal($"0 {onPci} 10000 10000", Property(blob, "/pcie@8000000000", "iommu-map"));
        Assert.Equal($"{inSlot} 17", Property(blob, "/virtio@3000", "iommus"));
    });

    [SkippableFact]
    public void A_function_other_than_0_is_in_the_unit_address() => WithBlob(
        new()
        {
            HostBridges = [new(0, 0x4000_0000, new(0x1000_0000, 0x1fff_ffff)) { FirstBus = 3, LastBus = 3 }],
            Iommus = [new(new IommuLocation.Pci(0, PciBdf.At(3, 2, 1)))],
        },
        blob => Assert.Equal("31100 0 0 0 0", Property(blob, "/pcie@40000000/iommu@2,1", "reg")));

    [Fact]
    public void An_IOMMU_behind_a_bridge_has_no_node()
    {
        var platform = Platform.TwoIommus with { Iommus = [new(new IommuLocation.Pci(0, PciBdf.At(1, 2)))] };
        var exception = Assert.Throws<ArgumentException>(() => DeviceTreeFragment.Write(platform));
        Assert.Contains("0000:01:02.0 is not on the first bus", exception.Message, StringComparison.Ordinal);
    }

    private static void WithBlob(PlatformDescription platform, Action<string> check)
    {
        string directory = Directory.CreateTempSubdirectory("dts").FullName;
        try
        {
            string source = Path.Combine(directory, "platform.dts");
            string blob = Path.Combine(directory, "platform.dtb");
            File.WriteAllText(source, DeviceTreeFragment.Write(platform));
            Assert.Equal((0, ""), Tool.Run("dtc", "-I", "dts", "-O", "dtb", "-o", blob, source));
            check(blob);
        }
        finally
        {
            Directory.Delete(directory, true);
        }
    }

    private static string Property(string blob, string node, string name)
    {
        var (exitCode, output) = Tool.Run("fdtget", "-t", "x", blob, node, name);
        Assert.True(exitCode == 0, output);
        return output.Trim();
    }
}
