using System.Text;
using System.Text.Json;
using Viommu.Device.Memory;
using Viommu.Guest.Driver;
using Viommu.Guest.Hosting;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Tests.Hosting;

/// <summary>The device's end of vfio-user: what a virtual machine monitor asks, and what a hostile one does.</summary>
public sealed class HostedMachineTests : IDisposable
{
    private const int InvalidArgument = 22;
    private const int NotSupported = 95;

    private readonly HostedMachine _machine = new(new byte[1 << 20], new ModelConfiguration(), variation: null, target => target);
    private readonly VfioUserClient _client;

    public HostedMachineTests() => _client = new VfioUserClient(_machine.IommuSocket);

    [Fact]
    public void The_version_is_agreed_on_with_capabilities_that_end_in_NUL()
    {
        var reply = _client.Do(VfioUserClient.Version, [0, 0, 1, 0, .. "{}\0"u8]);

        Assert.Equal([0, 0, 0, 0], reply[..4]);
        Assert.Equal(0, reply[^1]);
        using var capabilities = JsonDocument.Parse(Encoding.UTF8.GetString(reply.AsSpan(4, reply.Length - 5)));
        Assert.True(capabilities.RootElement.GetProperty("capabilities").GetProperty("max_msg_fds").GetInt32() > 0);
    }

    [Fact]
    public void Another_major_version_is_refused() => Assert.Equal((uint)NotSupported, _client.Ask(VfioUserClient.Version, [1, 0, 0, 0, .. "{}\0"u8]).Error);

    [Fact]
    public void It_is_a_PCI_function_with_two_BARs_MSI_X_and_no_interrupt_pin()
    {
        Assert.Equal(ClientTarget.Bytes(16, 3, 9, 5), _client.Do(VfioUserClient.GetDeviceInfo, ClientTarget.Bytes(16, 0, 0, 0)));
        Assert.Equal([0x4000, 0x1000, 0, 0, 0, 0, 0, 0x100, 0], Enumerable.Range(0, 9).Select(region => BitConverter.ToInt32(Region(region), 16)));
        Assert.Equal(ClientTarget.Bytes(16, 9, 2, 3), _client.Do(VfioUserClient.GetInterruptInfo, ClientTarget.Bytes(16, 0, 2, 0)));
        Assert.Equal(ClientTarget.Bytes(16, 0, 0, 0), _client.Do(VfioUserClient.GetInterruptInfo, ClientTarget.Bytes(16, 0, 0, 0)));
        var configuration = _client.Do(VfioUserClient.RegionRead, ClientTarget.Bytes(0UL, 7, 256))[16..];
        Assert.Equal([0xf4, 0x1a, 0x57, 0x10], configuration[..4]);
        Assert.Equal(0, configuration[0x3d]);

        byte[] Region(int region) => _client.Do(VfioUserClient.GetRegionInfo, ClientTarget.Bytes(32, 0, region, 0, 0UL, 0UL));
    }

    [Fact]
    public void The_suites_own_driver_works_through_it()
    {
        using var target = new ClientTarget(_client);

        var driver = IommuDriver.Start(Machine.Discover(target));

        Assert.Equal(RequestStatus.Ok, driver.Attach(1, ModelTarget.FirstEndpoint).Status);
        Assert.Equal(RequestStatus.Ok, driver.Map(1, 0x1000, 0x1fff, target.Ram.Window.First).Status);
        Assert.Equal(RequestStatus.Inval, driver.Map(1, 0x1000, 0x1fff, target.Ram.Window.First).Status);
        Assert.Equal(RequestStatus.Ok, driver.Unmap(1, 0x1000, 0x1fff).Status);
    }

    [Fact]
    public void A_reset_of_the_machine_reaches_the_device()
    {
        using var target = new ClientTarget(_client);
        var driver = IommuDriver.Start(Machine.Discover(target));
        Assert.Equal(RequestStatus.Ok, driver.Attach(1, ModelTarget.FirstEndpoint).Status);

        target.SystemReset();

        var again = IommuDriver.Start(Machine.Discover(target));
        Assert.Equal(RequestStatus.NoEnt, again.Map(1, 0x1000, 0x1fff, target.Ram.Window.First).Status);
    }

    [Fact]
    public void A_message_of_the_device_raises_the_vector_that_the_monitor_gave_a_file_for()
    {
        using var target = new ClientTarget(_client);
        using var interrupt = VfioUserClient.NewInterrupt();
        var machine = Machine.Discover(target);
        var (function, msix) = (machine.Pci!.Function, machine.Pci.Function.Capabilities().Single(capability => capability.Id == 0x11));
        var driver = IommuDriver.Start(machine, new DriverSettings { Notifications = NotificationMode.Line });
        function.Write(msix.Offset + 2, 2, 0x8000);
        _client.Do(VfioUserClient.SetInterrupts, ClientTarget.Bytes(20, 0x24, 2, 1, 1), interrupt);
        machine.Pci.WriteCommon(CommonField.QueueSelect, 0);
        machine.Pci.WriteCommon(CommonField.QueueMsixVector, 1);

        Assert.Equal(RequestStatus.Ok, driver.Attach(1, ModelTarget.FirstEndpoint).Status);
        Assert.True(VfioUserClient.TakeInterrupts(interrupt) > 0);

        _client.Do(VfioUserClient.SetInterrupts, ClientTarget.Bytes(20, 0x21, 2, 0, 0));
        Assert.Equal(RequestStatus.Ok, driver.Detach(1, ModelTarget.FirstEndpoint).Status);
        Assert.Equal(0UL, VfioUserClient.TakeInterrupts(interrupt));
    }

    [Fact]
    public void Memory_that_was_taken_away_is_not_reached_any_more()
    {
        using var target = new ClientTarget(_client);
        var driver = IommuDriver.Start(Machine.Discover(target));
        _client.Do(VfioUserClient.DmaUnmap, ClientTarget.Bytes(24, 0, target.Ram.Window.First, target.Ram.Window.Last - target.Ram.Window.First + 1));

        driver.Attach(1, ModelTarget.FirstEndpoint);

        Assert.True((target.MmioRead(StatusAddress(target), 1) & 0x40) != 0, "DEVICE_NEEDS_RESET");
    }

    [Fact]
    public void A_posted_write_is_carried_out_and_not_answered()
    {
        _client.Post(VfioUserClient.RegionWrite, ClientTarget.Bytes(0x3cUL, 7, 1, new byte[] { 0x55 }), wantsReply: false);

        var (error, reply) = _client.Ask(VfioUserClient.RegionRead, ClientTarget.Bytes(0x3cUL, 7, 1));

        Assert.Equal(0u, error);
        Assert.Equal(0x55, reply[^1]);
    }

    public static TheoryData<string, int, byte[]> Wrong => new()
    {
        { "a command that there is not", 14, [] },
        { "a payload that is too short", VfioUserClient.GetRegionInfo, [1, 2, 3] },
        { "a read past the end of a region", VfioUserClient.RegionRead, ClientTarget.Bytes(0xffUL, 7, 2) },
        { "a read of 4 GiB", VfioUserClient.RegionRead, ClientTarget.Bytes(0UL, 7, uint.MaxValue) },
        { "a read at the end of the address space", VfioUserClient.RegionRead, ClientTarget.Bytes(ulong.MaxValue, 7, 4) },
        { "a read of a region that there is not", VfioUserClient.RegionRead, ClientTarget.Bytes(0UL, 100, 4) },
        { "a write with fewer bytes than it says", VfioUserClient.RegionWrite, ClientTarget.Bytes(0UL, 7, 4, new byte[] { 1 }) },
        { "vectors that there are not", VfioUserClient.SetInterrupts, ClientTarget.Bytes(20, 0x24, 2, 2, uint.MaxValue) },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_cannot_be_done_is_refused_and_the_service_goes_on(string what, int command, byte[] payload)
    {
        Assert.True(_client.Ask(command, payload).Error is InvalidArgument or NotSupported, what);

        Assert.Equal(0x1af4u, BitConverter.ToUInt16(_client.Do(VfioUserClient.RegionRead, ClientTarget.Bytes(0UL, 7, 2)), 16));
    }

    [Fact]
    public void Memory_that_a_file_does_not_have_is_refused()
    {
        using var file = VfioUserClient.NewMemory(0x1000);

        Assert.Equal((uint)InvalidArgument, _client.Ask(VfioUserClient.DmaMap, ClientTarget.MapOf(0, 0x2000, 0, 3), file).Error);
        Assert.Equal((uint)InvalidArgument, _client.Ask(VfioUserClient.DmaMap, ClientTarget.MapOf(0, 0x1000, 1, 3), file).Error);
        Assert.Equal((uint)InvalidArgument, _client.Ask(VfioUserClient.DmaMap, ClientTarget.MapOf(0, 0, 0, 3), file).Error);
        Assert.Equal((uint)InvalidArgument, _client.Ask(VfioUserClient.DmaMap, ClientTarget.MapOf(ulong.MaxValue, 0x1000, 0, 3), file).Error);
        _client.Do(VfioUserClient.DmaMap, ClientTarget.MapOf(0x1000, 0x1000, 0, 3), file);
        Assert.Equal((uint)InvalidArgument, _client.Ask(VfioUserClient.DmaMap, ClientTarget.MapOf(0x1fff, 0x1000, 0, 3), file).Error);
    }

    [Fact]
    public void A_part_of_a_range_is_not_taken_away()
    {
        using var file = VfioUserClient.NewMemory(0x3000);
        _client.Do(VfioUserClient.DmaMap, ClientTarget.MapOf(0x1000, 0x3000, 0, 3), file);

        Assert.Equal((uint)InvalidArgument, _client.Ask(VfioUserClient.DmaUnmap, ClientTarget.Bytes(24, 0, 0x2000UL, 0x1000UL)).Error);
        Assert.Equal((uint)InvalidArgument, _client.Ask(VfioUserClient.DmaUnmap, ClientTarget.Bytes(24, 0, 0x1000UL, 0UL)).Error);
        _client.Do(VfioUserClient.DmaUnmap, ClientTarget.Bytes(24, 0, 0UL, 0x10000UL));
        _client.Do(VfioUserClient.DmaMap, ClientTarget.MapOf(0x1000, 0x3000, 0, 3), file);
    }

    [Fact]
    public void A_file_that_cannot_be_written_to_is_no_writable_memory()
    {
        using var file = File.OpenHandle("/proc/self/maps");
        Assert.Equal((uint)InvalidArgument, _client.Ask(VfioUserClient.DmaMap, ClientTarget.MapOf(0, 0x1000, 0, 3), file).Error);
    }

    [Fact]
    public void Whoever_asks_is_told_when_the_disk_may_have_made_accesses()
    {
        int told = 0;
        using var machine = new HostedMachine(new byte[512], new ModelConfiguration(), variation: null, target => target, () => told++);
        using var client = new VfioUserClient(machine.DiskSocket);

        told = 0;

        client.Do(VfioUserClient.RegionRead, ClientTarget.Bytes(0UL, 7, 4));
        Assert.Equal(0, told);
        client.Do(VfioUserClient.RegionWrite, ClientTarget.Bytes(4UL, 7, 2, new byte[] { 6, 0 }));
        Assert.Equal(1, told);
    }

    [Fact]
    public void Masking_a_vector_takes_its_file_from_nobody()
    {
        using var target = new ClientTarget(_client);
        using var interrupt = VfioUserClient.NewInterrupt();
        var machine = Machine.Discover(target);
        var driver = IommuDriver.Start(machine, new DriverSettings { Notifications = NotificationMode.Line });
        var msix = machine.Pci!.Function.Capabilities().Single(capability => capability.Id == 0x11);
        machine.Pci.Function.Write(msix.Offset + 2, 2, 0x8000);
        _client.Do(VfioUserClient.SetInterrupts, ClientTarget.Bytes(20, 0x24, 2, 1, 1), interrupt);
        _client.Do(VfioUserClient.SetInterrupts, ClientTarget.Bytes(20, 0x11, 2, 1, 1));
        machine.Pci.WriteCommon(CommonField.QueueSelect, 0);
        machine.Pci.WriteCommon(CommonField.QueueMsixVector, 1);

        driver.Attach(1, ModelTarget.FirstEndpoint);

        Assert.True(VfioUserClient.TakeInterrupts(interrupt) > 0);
    }

    public static TheoryData<string, byte[]> Garbage => new()
    {
        { "a message shorter than its header", [1, 0, 1, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
        { "a message of 4 GiB", [1, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0] },
        { "a reply to nothing", [1, 0, 1, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0] },
    };

    [Theory]
    [MemberData(nameof(Garbage))]
    public async Task What_is_no_message_ends_the_service_and_says_why(string what, byte[] bytes)
    {
        using var disk = new VfioUserClient(_machine.DiskSocket);
        disk.Dispose();

        _client.Send(bytes);

        Assert.True(_client.IsClosed(), what);
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => _machine.Gone);
        Assert.Contains("message", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_machine_that_nobody_came_to_can_be_given_up()
    {
        var machine = new HostedMachine(new byte[512], new ModelConfiguration(), variation: null, target => target);
        machine.Dispose();

        await machine.Gone.WaitAsync(TimeSpan.FromMinutes(2));
    }

    [Fact]
    public async Task What_the_device_throws_ends_the_service()
    {
        var variation = new ModelVariation { RingMemory = _ => new NoMemory() };
        using var machine = new HostedMachine(new byte[512], new ModelConfiguration(), variation, target => target);
        using var client = new VfioUserClient(machine.IommuSocket);
        new VfioUserClient(machine.DiskSocket).Dispose();
        using var target = new ClientTarget(client);

        Assert.ThrowsAny<Exception>(() => IommuDriver.Start(Machine.Discover(target)).Attach(1, ModelTarget.FirstEndpoint));
        var death = await Assert.ThrowsAsync<TargetDiedException>(() => machine.Gone.WaitAsync(TimeSpan.FromMinutes(2)));
        Assert.Contains(nameof(NoMemory), death.LastWords, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _client.Dispose();
        _machine.Dispose();
    }

    private sealed class NoMemory : IGuestMemory
    {
        public bool TryRead(GuestAddress from, Span<byte> into) => throw new NotSupportedException(nameof(NoMemory));

        public bool TryWrite(GuestAddress to, ReadOnlySpan<byte> bytes) => throw new NotSupportedException(nameof(NoMemory));
    }

    private static ulong StatusAddress(ClientTarget target) => Machine.Discover(target).Pci!.Structures.Common + CommonField.DeviceStatus.Offset;
}
