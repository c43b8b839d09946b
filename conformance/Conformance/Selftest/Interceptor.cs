using System.Buffers.Binary;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Stands between the reference device and everything around it, and passes everything on. Broken devices override a part.</summary>
internal abstract class Interceptor(IommuDevice device) : IVirtioDevice, IEndpointDma, IVirtioHost
{
    private IVirtioHost? host;

    /// <summary>The reference device.</summary>
    protected IommuDevice Device { get; } = device;

    public ushort DeviceId => Device.DeviceId;

    public virtual ulong DeviceTypeFeatures => Device.DeviceTypeFeatures;

    public IReadOnlyList<ushort> MaximumQueueSizes => Device.MaximumQueueSizes;

    public int ConfigLength => Device.ConfigLength;

    public int LongestRequest => Device.LongestRequest;

    public int LongestReply => Device.LongestReply;

    public void Connect(IVirtioHost host)
    {
        this.host = host;
        Device.Connect(this);
    }

    public virtual void ReadConfig(int offset, Span<byte> into) => Device.ReadConfig(offset, into);

    public virtual void WriteConfig(int offset, ReadOnlySpan<byte> bytes) => Device.WriteConfig(offset, bytes);

    public virtual void FeaturesNegotiated(ulong features) => Device.FeaturesNegotiated(features);

    public bool IsRequestQueue(int queue) => Device.IsRequestQueue(queue);

    public int Process(int queue, ReadOnlySpan<byte> readable, Span<byte> reply) =>
        readable.IsEmpty ? Device.Process(queue, readable, reply) : Handle(readable.ToArray(), reply);

    public virtual void Reset() => Device.Reset();

    public virtual void SystemReset() => Device.SystemReset();

    public virtual DmaResult Read(uint endpoint, IoVirtualAddress at, Span<byte> into) => Device.Read(endpoint, at, into);

    public virtual DmaResult Write(uint endpoint, IoVirtualAddress at, ReadOnlySpan<byte> bytes) => Device.Write(endpoint, at, bytes);

    public virtual bool TryReport(int queue, ReadOnlySpan<byte> report) => host!.TryReport(queue, report);

    public void ConfigChanged() => host!.ConfigChanged();

    /// <summary>Handles a request; the copy in <paramref name="request"/> may be changed.</summary>
    protected virtual int Handle(byte[] request, Span<byte> reply) => PassOn(request, reply);

    /// <summary>Has the reference device handle a request.</summary>
    protected int PassOn(ReadOnlySpan<byte> request, Span<byte> reply) => Device.Process(IommuDevice.RequestQueue, request, reply);

    /// <summary>Sends the reference device a request of this interceptor's own; returns the status.</summary>
    protected RequestStatus Ask(Request request)
    {
        var reply = new byte[request.WritableLength];
        var used = PassOn(request.Encode(), reply);
        return used == reply.Length ? (RequestStatus)reply[^Request.TailSize] : RequestStatus.IoErr;
    }

    /// <summary>A field of a request; 0 where the request ends before it.</summary>
    protected static uint U32(ReadOnlySpan<byte> bytes, int at) => bytes.Length - at < sizeof(uint) ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    /// <summary>The same with 64 bits.</summary>
    protected static ulong U64(ReadOnlySpan<byte> bytes, int at) => bytes.Length - at < sizeof(ulong) ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
}

/// <summary>An interceptor of requests alone, whose rule needs no memory of earlier ones.</summary>
internal sealed class RequestInterceptor(IommuDevice device, RequestHandler handler) : Interceptor(device)
{
    protected override int Handle(byte[] request, Span<byte> reply) => handler(request, reply, PassOn);
}
