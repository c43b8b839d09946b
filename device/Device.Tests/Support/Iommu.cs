using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Transport;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Support;

/// <summary>A device without a transport: requests go straight in, fault reports are collected.</summary>
internal sealed class Iommu : IVirtioHost
{
    public const uint Endpoint = 8;
    public const uint OtherEndpoint = 16;
    public const uint UnknownEndpoint = 99;

    public Iommu(Func<IommuOptions, IommuOptions>? change = null, IommuFeatures? negotiate = null)
    {
        var options = new IommuOptions { Endpoints = [new(Endpoint), new(OtherEndpoint)] };
        options = change?.Invoke(options) ?? options;
        Memory = new FlatGuestMemory(0, 0x10000);
        Device = new IommuDevice(options, Memory);
        Device.Connect(this);
        Device.FeaturesNegotiated((ulong)(negotiate ?? options.Features) | (ulong)VirtioFeatures.Version1);
    }

    public FlatGuestMemory Memory { get; }

    public IommuDevice Device { get; }

    public List<byte[]> Reports { get; } = [];

    public int ConfigChanges { get; private set; }

    /// <summary>Sends a request with room for just a tail; returns its status.</summary>
    public byte Send(byte[] request)
    {
        var reply = new byte[4];
        Assert.Equal(4, Device.Process(IommuDevice.RequestQueue, request, reply));
        Assert.Equal([reply[0], 0, 0, 0], reply);
        return reply[0];
    }

    /// <summary>Sends a request that has to be answered OK before the test proper.</summary>
    public Iommu Given(byte[] request)
    {
        Assert.Equal(Bytes.Ok, Send(request));
        return this;
    }

    /// <summary>The guest-physical address that an access reaches, or null.</summary>
    public ulong? Translate(ulong at, DmaAccess access = DmaAccess.Read, uint endpoint = Endpoint) =>
        Device.TryTranslate(endpoint, new(at), access, out var address, out _) ? address.Value : null;

    public byte[] Config()
    {
        var bytes = new byte[Device.ConfigLength];
        Device.ReadConfig(0, bytes);
        return bytes;
    }

    bool IVirtioHost.TryReport(int queue, ReadOnlySpan<byte> report)
    {
        Assert.Equal(IommuDevice.EventQueue, queue);
        Reports.Add(report.ToArray());
        return true;
    }

    void IVirtioHost.ConfigChanged() => ConfigChanges++;
}
