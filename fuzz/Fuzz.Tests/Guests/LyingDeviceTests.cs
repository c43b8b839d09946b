using Viommu.Fuzz.Guests;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Tests.Guests;

/// <summary>Each kind of lie comes to the driver that it is meant for, and the device does what it was asked for all the same.</summary>
public class LyingDeviceTests
{
    private readonly List<int> _ends = [];
    private LyingDevice? _device;

    [Fact]
    public void A_status_is_told_in_place_of_another()
    {
        var driver = Drive(new Lie(2, LieKind.Status, [(byte)RequestStatus.NoMem]));

        Assert.Equal(RequestStatus.Ok, driver.Attach(1, ModelTarget.FirstEndpoint).Status);
        Assert.Equal(RequestStatus.NoMem, driver.Map(1, 0x1000, 0x1fff, 0x10_0000).Status);
        Assert.Equal(RequestStatus.Inval, driver.Map(1, 0x1000, 0x1fff, 0x10_0000).Status);
        Assert.Equal((3, 1), (_device!.Requests, _device.Told.Count));
    }

    [Fact]
    public void An_answer_ends_before_its_tail() =>
        Assert.Equal(1u, Drive(new Lie(1, LieKind.Used, [1])).Attach(1, ModelTarget.FirstEndpoint).UsedLength);

    [Fact]
    public void Properties_are_told_in_place_of_others()
    {
        byte[] properties = [0xff, 0x0f, 0xff, 0xff, 1, 2, 3, 4];

        var probe = Drive(new Lie(1, LieKind.Reply, properties)).Probe(ModelTarget.FirstEndpoint);

        Assert.Equal(properties, probe.Reply[..8].ToArray());
    }

    [Fact]
    public void A_report_comes_that_nothing_has_caused()
    {
        byte[] report = [2, 0, 0, 0, 1, 1, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0];
        var driver = Drive(new Lie(1, LieKind.Report, report));

        driver.Attach(1, ModelTarget.FirstEndpoint);

        Assert.Equal(0x1000UL, Assert.Single(driver.TakeEvents()).Report!.Address);
    }

    [Fact]
    public void The_configuration_is_another_from_power_on()
    {
        var driver = Drive(new Lie(0, LieKind.Config, [0, 0, 0, 0, 0, 0, 0, 0, 0x80]));

        Assert.Equal(1UL << 63, driver.Config.PageSizeMask);
        Assert.Single(_device!.Told);
    }

    [Fact]
    public void The_configuration_changes_and_its_generation_with_it()
    {
        var driver = Drive(new Lie(1, LieKind.Config, [0, 0, 0, 1]), new Lie(1, LieKind.Changed, [3]));
        var before = driver.Machine.Transport.ReadConfigGeneration();

        driver.Attach(1, ModelTarget.FirstEndpoint);

        Assert.Equal(0x1_0000UL, driver.Machine.ReadConfig().PageSizeMask & 0xff_ffff);
        Assert.NotEqual(before, driver.Machine.Transport.ReadConfigGeneration());
    }

    [Theory]
    [InlineData(2, nameof(LieKind.Status), 8, true)]
    [InlineData(2, nameof(LieKind.Status), 0, false)]
    [InlineData(2, nameof(LieKind.Status), 0x80, false)]
    [InlineData(2, nameof(LieKind.Used), 1, false)]
    [InlineData(2, nameof(LieKind.Reply), 0, false)]
    [InlineData(1, nameof(LieKind.Status), 8, false)]
    [InlineData(3, nameof(LieKind.Status), 8, false)]
    [InlineData(3, nameof(LieKind.Used), 1, false)]
    [InlineData(4, nameof(LieKind.Reply), 0, true)]
    [InlineData(4, nameof(LieKind.Used), 1, false)]
    [InlineData(2, nameof(LieKind.Report), 1, true)]
    [InlineData(5, nameof(LieKind.Used), 1, true)]
    public void Lies_that_leave_open_what_was_done_end_the_history(int request, string kind, byte what, bool isClear)
    {
        var driver = Drive(new Lie(request, Enum.Parse<LieKind>(kind), [what]));

        driver.Attach(1, ModelTarget.FirstEndpoint);
        driver.Map(1, 0x1000, 0x1fff, 0x10_0000);
        driver.Unmap(1, 0x1000, 0x1fff);
        driver.Probe(ModelTarget.FirstEndpoint);

        Assert.Equal(isClear ? [] : [request - 1], _ends);
    }

    [Fact]
    public void The_history_ends_once()
    {
        Drive(new Lie(1, LieKind.Status, [3]), new Lie(1, LieKind.Used, [1])).Attach(1, ModelTarget.FirstEndpoint);

        Assert.Equal([0], _ends);
    }

    private IommuDriver Drive(params Lie[] lies)
    {
        var variation = new ModelVariation
        {
            Assemble = (device, _) =>
            {
                _device = new LyingDevice(device, lies) { HistoryEnds = () => _ends.Add(_device!.Requests - 1) };
                return new ModelParts(_device, _device);
            },
        };
        var target = new ModelTargetSource(variation).Open(TargetShape.Default, out _)!;
        return IommuDriver.Start(Machine.Discover(target), new DriverSettings { EventBuffers = 4 });
    }
}
