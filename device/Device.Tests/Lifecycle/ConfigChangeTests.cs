using Viommu.Device.Tests.Support;
using Viommu.Device.Wire;
using Bare = Viommu.Device.Tests.Support.Iommu;

namespace Viommu.Device.Tests.Lifecycle;

/// <summary>Section 3.3.1: the operator of the machine changes <c>bypass</c>.</summary>
public class ConfigChangeTests
{
    private const int Bypass = 36;

    [Fact]
    public void A_change_takes_effect_and_tells_the_driver_once()
    {
        var bare = new Bare();
        Assert.Equal(0x1234ul, bare.Translate(0x1234));
        bare.Device.ChangeBypass(false);
        bare.Device.ChangeBypass(false);
        Assert.Equal(1, bare.ConfigChanges);
        Assert.Equal(0, bare.Config()[Bypass]);
        Assert.Null(bare.Translate(0x1234));
    }

    [Fact]
    public void A_device_reset_keeps_the_change_and_a_system_reset_does_not()
    {
        var bare = new Bare();
        bare.Device.ChangeBypass(false);
        bare.Device.Reset();
        Assert.False(bare.Device.Bypass);
        bare.Device.SystemReset();
        Assert.True(bare.Device.Bypass);
    }

    [Fact]
    public void A_device_without_the_field_refuses()
    {
        var bare = new Bare(options => options with { Features = IommuFeatures.MapUnmap });
        Assert.Throws<InvalidOperationException>(() => bare.Device.ChangeBypass(false));
    }

    [Fact]
    public void The_driver_is_interrupted_and_sees_another_generation()
    {
        var machine = new Machine();
        machine.Start();
        uint generation = machine.Common(0x15, 1);
        machine.Device.ChangeBypass(false);
        Assert.True(machine.Function.IsIntxAsserted);
        Assert.Equal(2ul, machine.Read(Machine.Isr, 1));
        Assert.Equal(0ul, machine.Read(Machine.DeviceConfig + Bypass, 1));
        Assert.NotEqual(generation, machine.Common(0x15, 1));
    }

    [Fact]
    public void A_change_that_the_driver_makes_itself_is_not_reported_back()
    {
        var machine = new Machine();
        machine.Start();
        machine.Write(Machine.DeviceConfig + Bypass, 1, 0);
        Assert.False(machine.Device.Bypass);
        Assert.False(machine.Function.IsIntxAsserted);
    }
}
