using FsCheck;
using FsCheck.Fluent;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Tests.Driver;

/// <summary>The driver on the model, through every transport and ring: requests come back answered, whatever was negotiated.</summary>
public sealed class EveryConfigurationTests
{
    private const ulong Page = 0x1000;

    public static TheoryData<ModelTransport, ModelRing, ulong> Rings
    {
        get
        {
            var rows = new TheoryData<ModelTransport, ModelRing, ulong>();
            foreach (var (transport, ring) in ModelConfiguration.All.Select(c => (c.Transport, c.Ring)))
            {
                rows.Add(transport, ring, 0);
                if (new ModelConfiguration(transport, ring).IsLegacy) continue;
                rows.Add(transport, ring, Features.InOrder);
                rows.Add(transport, ring, Features.NotificationData);
                rows.Add(transport, ring, Features.InOrder | Features.NotificationData | Features.RingReset);
            }
            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Rings))]
    public void Batches_of_requests_of_any_framing_are_answered_in_full(ModelTransport transport, ModelRing ring, ulong features) =>
        Prop.ForAll(
            Gen.Choose(0, int.MaxValue).ToArbitrary(),
            seed =>
            {
                var random = new System.Random(seed);
                var driver = Start(transport, ring, features, out var target);
                using (target)
                {
                    Assert.Equal(ring == ModelRing.Packed, driver.Requests is PackedQueue);
                    Assert.Equal(features, driver.Negotiated & features);
                    Assert.True(driver.Attach(1, target.BusMasters[0].EndpointId).IsOk);
                    for (ulong batch = 0; batch < 30; batch++)
                    {
                        var at = 0x1000_0000 + batch * 16 * Page;
                        var pages = Enumerable.Range(0, random.Next(1, 9)).Select(i => at + (ulong)i * Page).ToList();
                        var exchanges = pages.Select(page => driver.Submit(new MapRequest(1, page, page + Page - 1, 0x20_0000, MapFlags.Read), Cut(random, ring))).ToList();
                        driver.Collect();
                        Assert.All(exchanges, exchange => Assert.Equal("OK, used length 4", exchange.Answer));
                        Assert.All(driver.SendTogether(pages.Select(page => new UnmapRequest(1, page, page + Page - 1))), exchange => Assert.True(exchange.IsOk));
                    }
                }
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(10));

    [Theory]
    [InlineData(ModelTransport.Pci, NotificationMode.Messages)]
    [InlineData(ModelTransport.Pci, NotificationMode.Line)]
    [InlineData(ModelTransport.Mmio, NotificationMode.Line)]
    [InlineData(ModelTransport.LegacyMmio, NotificationMode.Line)]
    [InlineData(ModelTransport.TransitionalPci, NotificationMode.Messages)]
    [InlineData(ModelTransport.TransitionalPci, NotificationMode.Line)]
    public void The_driver_hears_of_used_buffers(ModelTransport transport, NotificationMode mode)
    {
        var settings = new DriverSettings { Notifications = mode, Accept = Features.AcceptedByDefault & ~Features.EventIdx };
        using var target = Open(transport, ModelRing.Split, 0);
        var driver = IommuDriver.Start(Machine.Discover(target), settings);
        Assert.Equal(Notifications.None, driver.Machine.Transport.TakeNotifications());
        Assert.True(driver.Send(new DetachRequest(1, 0xffff)).IsReturned);
        Assert.Equal(Notifications.Used, driver.Machine.Transport.TakeNotifications());
        Assert.Equal(Notifications.None, driver.Machine.Transport.TakeNotifications());

        // With MSI-X enabled a legacy header is longer: the configuration is read behind it.
        Assert.Equal(driver.Config, driver.Machine.ReadConfig());
    }

    [Theory]
    [InlineData(ModelTransport.Pci)]
    [InlineData(ModelTransport.Mmio)]
    [InlineData(ModelTransport.LegacyMmio)]
    [InlineData(ModelTransport.TransitionalPci)]
    public void After_a_system_reset_the_registers_are_found_again(ModelTransport transport)
    {
        using var target = Open(transport, ModelRing.Split, 0);
        var machine = Machine.Discover(target);
        IommuDriver.Start(machine);
        machine.ResetSystem();
        Assert.Equal(DeviceStatus.None, machine.Transport.ReadStatus());
        Assert.True(IommuDriver.Start(machine).Send(new DetachRequest(1, 0xffff)).IsReturned);
    }

    private static IommuDriver Start(ModelTransport transport, ModelRing ring, ulong features, out ITarget target)
    {
        target = Open(transport, ring, features);
        var machine = Machine.Discover(target, ring == ModelRing.Packed ? Features.RingPacked : 0);
        return IommuDriver.Start(machine, new DriverSettings { Accept = Features.AcceptedByDefault | features });
    }

    private static ITarget Open(ModelTransport transport, ModelRing ring, ulong features)
    {
        using var source = new ModelTargetSource(configuration: new ModelConfiguration(transport, ring));
        return source.Open(new TargetShape { Offering = features }, out var whyNot) ?? throw new InvalidOperationException(whyNot);
    }

    /// <summary>Any cut of a MAP's 36 and 4 bytes; indirect for none, some or all of it, in a packed ring for none or all.</summary>
    private static Framing Cut(System.Random random, ModelRing ring)
    {
        var framing = new Framing([.. Enumerable.Range(0, random.Next(3)).Select(_ => random.Next(1, 20))], random.Next(2) == 0 ? [] : [random.Next(1, 4)]);
        return random.Next(3) switch
        {
            0 => framing,
            1 => framing with { Indirect = 100 },
            _ => framing with { Indirect = ring == ModelRing.Split ? random.Next(3) : 0 },
        };
    }
}
