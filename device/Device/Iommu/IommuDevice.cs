using Viommu.Device.Memory;
using Viommu.Device.Transport;
using Viommu.Device.Wire;

namespace Viommu.Device.Iommu;

/// <summary>The reference virtio-iommu device (device type 23, section 5.13).</summary>
public sealed partial class IommuDevice : IVirtioDevice, IEndpointDma
{
    /// <summary>The queue of requests.</summary>
    public const int RequestQueue = 0;

    /// <summary>The queue of fault reports.</summary>
    public const int EventQueue = 1;

    private readonly IGuestMemory _memory;
    private IommuState _state;
    private IVirtioHost? _host;

    /// <summary>Makes a device whose endpoints reach <paramref name="memory"/>.</summary>
    /// <param name="options">What it offers.</param>
    /// <param name="memory">Guest-physical memory, the far side of translation.</param>
    /// <exception cref="ArgumentException"><paramref name="options"/> contradict themselves.</exception>
    public IommuDevice(IommuOptions options, IGuestMemory memory)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(memory);
        options.Validate();
        _memory = memory;
        _state = new(options);
        MaximumQueueSizes = [options.RequestQueueSize, options.EventQueueSize];
        LongestReply = RequestTail.Size + (_state.Offers(IommuFeatures.Probe) ? (int)options.ProbeSize : 0);
    }

    /// <inheritdoc/>
    public ushort DeviceId => 23;

    /// <inheritdoc/>
    public ulong DeviceTypeFeatures => (ulong)_state.Options.Features;

    /// <inheritdoc/>
    public IReadOnlyList<ushort> MaximumQueueSizes { get; }

    /// <inheritdoc/>
    public int ConfigLength => IommuConfig.Size;

    /// <inheritdoc/>
    public int LongestRequest => RequestHead.Size + ProbeRequest.BodySize;

    /// <inheritdoc/>
    public int LongestReply { get; }

    /// <inheritdoc/>
    public void Connect(IVirtioHost host) => _host = host;

    /// <inheritdoc/>
    public void ReadConfig(int offset, Span<byte> into)
    {
        Span<byte> bytes = stackalloc byte[IommuConfig.Size];
        Config().Encode(bytes);
        bytes.Slice(offset, into.Length).CopyTo(into);
    }

    /// <inheritdoc/>
    public void WriteConfig(int offset, ReadOnlySpan<byte> bytes)
    {
        if (offset != IommuConfig.BypassOffset || bytes.Length != 1) return;
        // Section 5.13.4.1: without the feature the driver must not write; IOMMU-CFG-D-06: another value is never presented.
        if (!_state.HasNegotiated(IommuFeatures.BypassConfig) || bytes[0] > 1) return;
        _state.Bypass = bytes[0] == 1;
    }

    /// <inheritdoc/>
    public void FeaturesNegotiated(ulong features) => _state.Negotiated = (IommuFeatures)features & IommuFeatures.All;

    /// <inheritdoc/>
    public bool IsRequestQueue(int queue) => queue == RequestQueue;

    /// <inheritdoc/>
    public void Reset() => _state.Reset();

    /// <inheritdoc/>
    public void SystemReset() => _state.SystemReset();

    /// <inheritdoc/>
    public int Process(int queue, ReadOnlySpan<byte> readable, Span<byte> reply)
    {
        // Section 5.13.6: without head or room for a tail the buffer is returned unwritten.
        if (!RequestHead.TryDecode(readable, out var head) || reply.Length < RequestTail.Size) return 0;
        var body = readable[RequestHead.Size..];

        RequestStatus status;
        switch (head.Type)
        {
            case RequestType.Attach when AttachRequest.TryDecode(body, out var attach):
                status = AttachHandler.Handle(attach, _state);
                break;
            case RequestType.Detach when DetachRequest.TryDecode(body, out var detach):
                status = DetachHandler.Handle(detach, _state);
                break;
            case RequestType.Map when _state.HasNegotiated(IommuFeatures.MapUnmap) && MapRequest.TryDecode(body, out var map):
                status = MapHandler.Handle(map, _state);
                break;
            case RequestType.Unmap when _state.HasNegotiated(IommuFeatures.MapUnmap) && UnmapRequest.TryDecode(body, out var unmap):
                status = UnmapHandler.Handle(unmap, _state);
                break;
            case RequestType.Probe when _state.HasNegotiated(IommuFeatures.Probe) && ProbeRequest.TryDecode(body, out var probe):
                return ProbeHandler.Handle(probe, _state, reply);
            default:
                // IOMMU-OPS-D-02/-03, IOMMU-PROBE-D-03/-04: not recognised, not available, or too short for its type.
                return 0;
        }

        new RequestTail(status).Encode(reply);
        return RequestTail.Size;
    }

    // Section 5.13.4: fields other than page_size_mask exist only where their feature is offered, and read as 0 where it is not.
    private IommuConfig Config()
    {
        var options = _state.Options;
        var input = _state.Offers(IommuFeatures.InputRange) ? options.InputRange : default;
        var domains = _state.Offers(IommuFeatures.DomainRange) ? options.DomainRange : default;
        uint probeSize = _state.Offers(IommuFeatures.Probe) ? options.ProbeSize : 0;
        bool bypass = _state.Offers(IommuFeatures.BypassConfig) && _state.Bypass;
        return new(options.PageSizeMask, input.First, input.Last, domains.First, domains.Last, probeSize, bypass ? (byte)1 : (byte)0);
    }
}
