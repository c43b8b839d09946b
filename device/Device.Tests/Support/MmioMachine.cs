using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Transport.Mmio;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Support;

/// <summary>A device on virtio-mmio version 2, driven register by register.</summary>
internal sealed class MmioMachine : IMachine
{
    public const uint Endpoint = Machine.Endpoint;

    public MmioMachine(VirtioMmioOptions? options = null)
    {
        Memory = new FlatGuestMemory(0, 0x20000);
        Device = new IommuDevice(new() { Endpoints = [new(Endpoint)], RequestQueueSize = 16, EventQueueSize = 8 }, Memory);
        Mmio = new VirtioMmioDevice(Device, Memory, options ?? new VirtioMmioOptions());
    }

    public FlatGuestMemory Memory { get; }

    public IommuDevice Device { get; }

    public VirtioMmioDevice Mmio { get; }

    public uint Status
    {
        get => this[0x070];
        set => this[0x070] = value;
    }

    /// <summary>A register, 32 bits wide.</summary>
    public uint this[int offset]
    {
        get => (uint)Mmio.Read(offset, 4);
        set => Mmio.Write(offset, 4, value);
    }

    /// <summary>All registers and the configuration, as they read.</summary>
    public uint[] Snapshot() => [.. Enumerable.Range(0, 0x80).Select(i => this[4 * i])];

    public void Notify(int queue) => this[0x050] = (uint)queue;

    public ulong ReadConfig(int offset, int width) => Mmio.Read(0x100 + offset, width);

    public void WriteConfig(int offset, int width, ulong value) => Mmio.Write(0x100 + offset, width, value);

    public ulong OfferedFeatures()
    {
        this[0x014] = 0;
        ulong low = this[0x010];
        this[0x014] = 1;
        return low | ((ulong)this[0x010] << 32);
    }

    public void AcceptFeatures(ulong features)
    {
        this[0x024] = 0;
        this[0x020] = (uint)features;
        this[0x024] = 1;
        this[0x020] = (uint)(features >> 32);
    }

    public MmioMachine Negotiate(VirtioFeatures without = VirtioFeatures.None)
    {
        Status = 0;
        Status = 1;
        Status = 3;
        AcceptFeatures(OfferedFeatures() & ~(ulong)without);
        Status = 0xb;
        Assert.Equal(0xbu, Status);
        return this;
    }

    public (Ring Requests, Ring Events) Start(VirtioFeatures without = VirtioFeatures.None)
    {
        Negotiate(without);
        var requests = SetUpQueue(0, 16, 0x1000);
        var events = SetUpQueue(1, 8, 0x2000);
        Status = 0xf;
        Assert.Equal(0xfu, Status);
        return (requests, events);
    }

    /// <summary>The seven steps of section 4.2.3.2.</summary>
    public Ring SetUpQueue(int queue, int size, ulong at)
    {
        var ring = new Ring(this, queue, size, at);
        this[0x030] = (uint)queue;
        Assert.Equal(0u, this[0x044]);
        Assert.True(this[0x034] >= size);
        Memory.Write(new(at), new byte[0x1000]);
        this[0x038] = (uint)size;
        this[0x080] = (uint)ring.Descriptors;
        this[0x084] = (uint)(ring.Descriptors >> 32);
        this[0x090] = (uint)ring.Available;
        this[0x094] = (uint)(ring.Available >> 32);
        this[0x0a0] = (uint)ring.Used;
        this[0x0a4] = (uint)(ring.Used >> 32);
        this[0x044] = 1;
        Assert.Equal(1u, this[0x044]);
        return ring;
    }

    /// <summary>The seven steps of section 4.2.4, with the parts where its layout puts them for 16 or 8 descriptors.</summary>
    public Ring SetUpLegacyQueue(int queue, int size, uint page, uint pageSize = 4096, uint align = 4096)
    {
        this[0x030] = (uint)queue;
        Assert.Equal(0u, this[0x040]);
        Assert.True(this[0x034] >= size);
        this[0x038] = (uint)size;
        this[0x03c] = align;
        this[0x040] = page;
        Assert.Equal(page, this[0x040]);
        return LegacyRings.At(this, queue, size, (ulong)page * pageSize, align);
    }
}
