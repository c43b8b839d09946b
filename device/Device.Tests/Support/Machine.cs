using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Transport.Pci;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Support;

/// <summary>A device on PCI with its BARs placed, driven register by register.</summary>
internal sealed class Machine : IMachine
{
    public const ulong Bar0 = 0xe000_0000;
    public const ulong Bar1 = 0xe010_0000;
    public const uint Endpoint = 8;
    public const ulong MessageAddress = 0x8000;

    // Where the structures are, as PciConfigSpaceTests reads them off the capability list.
    public const ulong Isr = Bar0 + 0x1000;
    public const ulong DeviceConfig = Bar0 + 0x2000;
    public const ulong Doorbell = Bar0 + 0x3000;

    private const int MsixControl = 0x42;

    private readonly int _structureBar;

    public Machine(Func<IommuOptions, IommuOptions>? change = null, VirtioPciOptions? pci = null, int memorySize = 0x20000)
    {
        var options = new IommuOptions { Endpoints = [new(Endpoint)], RequestQueueSize = 16, EventQueueSize = 8 };
        Memory = new FlatGuestMemory(0, memorySize);
        Device = new IommuDevice(change?.Invoke(options) ?? options, Memory);
        DeviceView = new ChangingMemory(Memory);
        pci ??= new VirtioPciOptions();
        Function = new VirtioPciFunction(Device, DeviceView, pci);
        _structureBar = pci.Transitional ? 0x18 : 0x10;
        PlaceBars();
    }

    public FlatGuestMemory Memory { get; }

    /// <summary><see cref="Memory"/> as the transport and the rings see it.</summary>
    public ChangingMemory DeviceView { get; }

    public IommuDevice Device { get; }

    public VirtioPciFunction Function { get; }

    public byte Status
    {
        get => (byte)Common(0x14, 1);
        set => SetCommon(0x14, 1, value);
    }

    /// <summary>The message with this data was sent: read and forgotten, so that the next one shows.</summary>
    public uint TakeMessage()
    {
        uint message = BitConverter.ToUInt32(Memory.Read(new(MessageAddress), 4));
        Memory.Write(new(MessageAddress), 0, 0, 0, 0);
        return message;
    }

    public void PlaceBars()
    {
        Function.ConfigWrite(_structureBar, 4, (uint)Bar0);
        Function.ConfigWrite(0x14, 4, (uint)Bar1);
        Function.ConfigWrite(0x04, 2, 0x6);
    }

    public void Notify(int queue) => Write(Doorbell + (4 * (ulong)queue), 2, (ulong)queue);

    public ulong ReadConfig(int offset, int width) => Read(DeviceConfig + (ulong)offset, width);

    public void WriteConfig(int offset, int width, ulong value) => Write(DeviceConfig + (ulong)offset, width, value);

    public uint Common(int offset, int width) => (uint)Read(Bar0 + (ulong)offset, width);

    public void SetCommon(int offset, int width, ulong value) => Write(Bar0 + (ulong)offset, width, value);

    public ulong Read(ulong address, int width)
    {
        Assert.True(Function.TryMmioRead(address, width, out ulong value));
        return value;
    }

    public void Write(ulong address, int width, ulong value) => Assert.True(Function.TryMmioWrite(address, width, value));

    public ulong OfferedFeatures()
    {
        SetCommon(0x00, 4, 0);
        ulong low = Common(0x04, 4);
        SetCommon(0x00, 4, 1);
        return low | ((ulong)Common(0x04, 4) << 32);
    }

    public void AcceptFeatures(ulong features)
    {
        SetCommon(0x08, 4, 0);
        SetCommon(0x0c, 4, (uint)features);
        SetCommon(0x08, 4, 1);
        SetCommon(0x0c, 4, (uint)(features >> 32));
    }

    /// <summary>Initialization up to FEATURES_OK, with everything that is offered but <paramref name="without"/>.</summary>
    public Machine Negotiate(VirtioFeatures without = VirtioFeatures.None)
    {
        Status = 0;
        Status = 1;
        Status = 3;
        AcceptFeatures(OfferedFeatures() & ~(ulong)without);
        Status = 0xb;
        Assert.Equal(0xb, Status);
        return this;
    }

    /// <summary>Initialization by the book: both queues set up, DRIVER_OK set.</summary>
    public (Ring Requests, Ring Events) Start(VirtioFeatures without = VirtioFeatures.None)
    {
        Negotiate(without);
        var requests = SetUpQueue(0, 16, 0x1000);
        var events = SetUpQueue(1, 8, 0x2000);
        Status = 0xf;
        Assert.Equal(0xf, Status);
        return (requests, events);
    }

    /// <summary>A machine that offers packed rings, and <paramref name="more"/>, besides the default.</summary>
    public static Machine WithPackedRings(VirtioFeatures more = VirtioFeatures.None) =>
        new(pci: new() { Features = VirtioFeatures.Default | VirtioFeatures.RingPacked | more });

    /// <summary>Initialization by the book with packed rings in zeroed memory.</summary>
    public (PackedRing Requests, PackedRing Events) StartPacked(VirtioFeatures without = VirtioFeatures.None, ushort size = 16)
    {
        Negotiate(without);
        Assert.True(Offers(VirtioFeatures.RingPacked));
        var requests = SetUpPackedQueue(0, size, 0x1000);
        var events = SetUpPackedQueue(1, 8, 0x2000);
        Status = 0xf;
        Assert.Equal(0xf, Status);
        return (requests, events);
    }

    public Ring SetUpQueue(ushort queue, ushort size, ulong at)
    {
        var ring = new Ring(this, queue, size, at);
        SetUpQueue(queue, size, ring.Descriptors, ring.Available, ring.Used);
        return ring;
    }

    public PackedRing SetUpPackedQueue(ushort queue, ushort size, ulong at, ulong? besides = null)
    {
        var ring = new PackedRing(this, queue, size, at, besides);
        Memory.Write(new(ring.Descriptors), new byte[16 * size]);
        Memory.Write(new(ring.DriverEvent), new byte[4]);
        Memory.Write(new(ring.DeviceEvent), new byte[4]);
        SetUpQueue(queue, size, ring.Descriptors, ring.DriverEvent, ring.DeviceEvent);
        return ring;
    }

    /// <summary>Enables MSI-X with data 0xa0 + vector; configuration changes are mapped to 0, requests to 1, events to 2.</summary>
    public void EnableMsix()
    {
        for (uint vector = 0; vector < 3; vector++)
        {
            Write(Bar1 + (16 * vector), 8, MessageAddress);
            Write(Bar1 + (16 * vector) + 8, 4, 0xa0 + vector);
            Write(Bar1 + (16 * vector) + 12, 4, 0);
        }

        SetMsixControl(0x8000);
        SetCommon(0x10, 2, 0);
        SetCommon(0x16, 2, 0);
        SetCommon(0x1a, 2, 1);
        SetCommon(0x16, 2, 1);
        SetCommon(0x1a, 2, 2);
    }

    private bool Offers(VirtioFeatures feature) => (OfferedFeatures() & (ulong)feature) != 0;

    private void SetUpQueue(ushort queue, ushort size, ulong descriptorArea, ulong driverArea, ulong deviceArea)
    {
        SetCommon(0x16, 2, queue);
        SetCommon(0x18, 2, size);
        Assert.Equal(size, Common(0x18, 2));
        SetCommon(0x20, 8, descriptorArea);
        SetCommon(0x28, 8, driverArea);
        SetCommon(0x30, 8, deviceArea);
        SetCommon(0x1c, 2, 1);
        Assert.Equal(1u, Common(0x1c, 2));
    }

    public void SetMsixControl(ushort control) => Function.ConfigWrite(MsixControl, 2, control);
}
