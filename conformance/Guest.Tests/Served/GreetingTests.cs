using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Served;

namespace Viommu.Guest.Tests.Served;

public class GreetingTests
{
    [Fact]
    public void The_least_that_a_device_can_say_is_its_name_and_place()
    {
        var greeting = Greeting.Parse("1 device=mmio:0xa000000 name=mine");
        Assert.Equal(("mine", "unknown", ""), (greeting.Name, greeting.Version, greeting.Configuration));
        Assert.Equal(new DeviceLocation.MmioSlot(0x0a00_0000), greeting.Iommu);
        Assert.Equal(Abilities.None, greeting.Can);
        Assert.Empty(greeting.Endpoints);
        Assert.Null(greeting.Buffer);
        Assert.Null(greeting.Deadline);
        Assert.False(greeting.HasPorts);
        Assert.False(greeting.HasVirtualTime);
    }

    [Fact]
    public void All_that_it_can_say_is_read_as_it_is_written()
    {
        var greeting = Greeting.Parse(
            "1 name=my_vmm version=1.0-rc1+g12 configuration=pci,packed device=pci-transitional:01:1f.7 bars=0x80000000..0x8fffffff "
            + "ports=0x1000..0x1fff endpoints=0x8,0xffffffff buffer=0x400 deadline=60 can=viot,line,bypass,reset,shape time=virtual");
        Assert.Equal("pci, packed", greeting.Configuration);
        Assert.IsType<DeviceLocation.TransitionalPciFunction>(greeting.Iommu);
        Assert.Equal(new PciAddress(1, 31, 7), greeting.Function);
        Assert.Equal(new AddressWindow(0x8000_0000, 0x8fff_ffff), greeting.Bars);
        Assert.Equal(new AddressWindow(0x1000, 0x1fff), greeting.Ports);
        Assert.Equal([8, uint.MaxValue], greeting.Endpoints);
        Assert.Equal(Abilities.Shape | Abilities.Reset | Abilities.Bypass | Abilities.Line | Abilities.Viot, greeting.Can);
        Assert.Equal(0x400, greeting.Buffer);
        Assert.Equal(TimeSpan.FromMinutes(1), greeting.Deadline);
        Assert.True(greeting.HasVirtualTime);
    }

    [Fact]
    public void What_is_printed_is_read_again()
    {
        const string All = "1 name=x version=2 device=mmio:0x1000 bars=0x1000..0x1fff time=virtual configuration=a,b ports=0x1..0x2 endpoints=0x8 buffer=0x400 deadline=7 can=shape,viot";
        Assert.Equal(All, Greeting.Parse(All).ToString());
    }

    [Theory]
    [InlineData("", "version of the protocol has to come first: OK 1 name=")]
    [InlineData("name=x device=mmio:0x0", "version of the protocol has to come first")]
    [InlineData("2 name=x device=mmio:0x0", "it speaks version 2 of the protocol; this program speaks version 1")]
    [InlineData("1 device=mmio:0x0", "name and place are missing")]
    [InlineData("1 name=x", "name and place are missing")]
    [InlineData("1 name=x device=mmio:0x0 name=y", "'name' is said twice")]
    [InlineData("1 name=x device=usb:1", "there are pci:BB:DD.F, pci-transitional:BB:DD.F and mmio:ADDRESS")]
    [InlineData("1 name=x device=mmio:10", "'10' is no address")]
    [InlineData("1 name=x device=pci:0:3.0", "needed, as 00:03.0")]
    [InlineData("1 name=x device=pci:00:20.0", "needed, as 00:03.0")]
    [InlineData("1 name=x device=pci:00:03.8", "needed, as 00:03.0")]
    [InlineData("1 name=../x device=mmio:0x0", "'../x' is no plain word")]
    [InlineData("1 name=x device=mmio:0x0 devise=1", "'devise' is unknown; there are name, version")]
    [InlineData("1 name=x device=mmio:0x0 verbose", "'verbose' is not KEY=VALUE")]
    [InlineData("1 name=x device=mmio:0x0 version=", "'version=' is not KEY=VALUE")]
    [InlineData("1 name=x device=mmio:0x0 can=fly", "can=fly: there are shape, reset, bypass, line, viot")]
    [InlineData("1 name=x device=mmio:0x0 time=slow", "time=slow: there are virtual and real")]
    [InlineData("1 name=x device=mmio:0x0 deadline=0", "deadline=0: seconds are needed, 1 to 3600")]
    [InlineData("1 name=x device=mmio:0x0 deadline=0x10", "seconds are needed, 1 to 3600")]
    [InlineData("1 name=x device=mmio:0x0 buffer=0x3ff", "buffer=0x3ff: 0x400 bytes are needed at least")]
    [InlineData("1 name=x device=mmio:0x0 buffer=0x1001", "a number up to 0x1000 is needed")]
    [InlineData("1 name=x device=mmio:0x0 endpoints=8", "'8' is no endpoint")]
    [InlineData("1 name=x device=mmio:0x0 endpoints=0x100000000", "a number up to 0xffffffff is needed")]
    [InlineData("1 name=x device=mmio:0x0 bars=0x1000", "FIRST..LAST is needed")]
    [InlineData("1 name=x device=mmio:0x0 bars=0x2000..0x1fff", "ends before it begins")]
    [InlineData("1 name=x device=mmio:0x0 ports=0x0..0x10000", "a number up to 0xffff is needed")]
    public void What_makes_no_sense_is_one_complaint_that_says_what_would(string text, string complaint) =>
        Assert.Contains(complaint, Assert.Throws<FormatException>(() => Greeting.Parse(text)).Message, StringComparison.Ordinal);
}
