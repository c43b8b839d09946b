using Viommu.Device.Memory;
using Viommu.Device.Virtqueue;
using Viommu.Device.Wire;

namespace Viommu.Device.Transport;

/// <summary>How a transport interrupts the driver.</summary>
internal interface IInterrupts
{
    /// <summary>Used buffer notification of one queue.</summary>
    void QueueUsed(int queue);

    /// <summary>Configuration change notification.</summary>
    void ConfigurationChanged();

    /// <summary>The device was reset: no interrupt is pending and no event is mapped to one.</summary>
    void Reset();
}

/// <summary>
/// What sections 2 and 3 ask of every virtio device, whatever its type and transport: status, feature negotiation, configuration space,
/// virtqueues, reset and suspension. It is synchronous: a doorbell returns once every available request has been used.
/// </summary>
internal sealed class VirtioCore : IVirtioHost
{
    private readonly IVirtioDevice _device;
    private readonly IGuestMemory _memory;
    private readonly IInterrupts _interrupts;
    private readonly DeviceQueue[] _queues;
    private readonly byte[] _request;
    private readonly byte[] _reply;

    private bool _configChangedSinceRead;
    private bool _notificationWithheld;

    public VirtioCore(IVirtioDevice device, IGuestMemory memory, VirtioFeatures transportFeatures, IInterrupts interrupts)
    {
        _device = device;
        _memory = memory;
        _interrupts = interrupts;
        _queues = [.. device.MaximumQueueSizes.Select(size => new DeviceQueue(memory, size))];
        _request = new byte[device.LongestRequest];
        _reply = new byte[device.LongestReply];
        OfferedFeatures = (ulong)transportFeatures | device.DeviceTypeFeatures;
        device.Connect(this);
    }

    /// <summary>All feature bits offered.</summary>
    public ulong OfferedFeatures { get; }

    /// <summary>What the driver has written so far, offered or not.</summary>
    public ulong DriverFeatures { get; private set; }

    /// <summary>The features in force: none before FEATURES_OK.</summary>
    public VirtioFeatures Negotiated { get; private set; }

    public DeviceStatus Status { get; private set; }

    public byte ConfigGeneration { get; private set; }

    /// <summary>What made the device need a reset.</summary>
    public ChainFault LastFault { get; private set; }

    /// <summary>False while the bus does not let the device reach memory (PCI: Bus Master Enable is clear).</summary>
    public bool CanReachMemory
    {
        get;
        set
        {
            field = value;
            ServeEarlyNotifications();
        }
    }

    public int QueueCount => _queues.Length;

    public int ConfigLength => _device.ConfigLength;

    // CORE-STATUS-D-01, CORE-SUSPEND-D-03: suspension clears DRIVER_OK, so this says both.
    private bool IsLive => (Status & (DeviceStatus.DriverOk | DeviceStatus.DeviceNeedsReset)) == DeviceStatus.DriverOk;

    private bool CanUseQueues => IsLive && CanReachMemory;

    private bool IsSuspended => Status.HasFlag(DeviceStatus.Suspend);

    /// <summary>The queue of that number, or null where there is none.</summary>
    public DeviceQueue? Queue(int index) => index < _queues.Length ? _queues[index] : null;

    /// <summary>The driver writes one half of its feature bits; nothing is accepted any more once FEATURES_OK is set.</summary>
    public void WriteDriverFeatures(uint word, uint value)
    {
        if (word > 1 || Status.HasFlag(DeviceStatus.FeaturesOk)) return;
        int shift = (int)word * 32;
        DriverFeatures = (DriverFeatures & ~(0xffff_ffffUL << shift)) | ((ulong)value << shift);
    }

    /// <summary>The driver writes the device status: 0 resets, any other value adds bits, since a driver must not clear one.</summary>
    public void WriteStatus(DeviceStatus written)
    {
        if (written == DeviceStatus.None)
        {
            Reset();
            return;
        }

        bool wasLive = IsLive;
        Status |= written & (DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.Failed);
        if (written.HasFlag(DeviceStatus.FeaturesOk)) TryAcceptFeatures();
        if (Status.HasFlag(DeviceStatus.DeviceNeedsReset)) return;

        if (IsSuspended)
        {
            if (written.HasFlag(DeviceStatus.DriverOk)) Resume();
        }
        else if (wasLive)
        {
            // CORE-SUSPEND-D-08..10: nothing is ever in flight between two accesses of the driver, so suspension is complete at once.
            if (written.HasFlag(DeviceStatus.Suspend) && Negotiated.HasFlag(VirtioFeatures.Suspend))
                Status = (Status | DeviceStatus.Suspend) & ~DeviceStatus.DriverOk;
        }
        else if (written.HasFlag(DeviceStatus.DriverOk) && Status.HasFlag(DeviceStatus.FeaturesOk))
        {
            // CORE-SUSPEND-D-01: SUSPEND written together with the first DRIVER_OK is ignored.
            Status |= DeviceStatus.DriverOk;
            ServeEarlyNotifications();
        }
    }

    /// <summary>Copies configuration bytes that lie within <see cref="ConfigLength"/>.</summary>
    public void ReadConfig(int offset, Span<byte> into)
    {
        _device.ReadConfig(offset, into);
        // PCI-COMMON-D-06: moving only when a changed value is read keeps 256 unread changes from looking like none.
        if (!_configChangedSinceRead) return;
        _configChangedSinceRead = false;
        ConfigGeneration++;
    }

    /// <summary>The driver writes configuration bytes that lie within <see cref="ConfigLength"/>.</summary>
    public void WriteConfig(int offset, ReadOnlySpan<byte> bytes)
    {
        // CORE-SUSPEND-D-02.
        if (IsSuspended || Status.HasFlag(DeviceStatus.DeviceNeedsReset)) return;
        _device.WriteConfig(offset, bytes);
    }

    /// <summary>The driver's notification: serves every available request. SPLIT-AVAILSUPP-D-05: it can come at any time.</summary>
    public void Notify(int index)
    {
        if (Queue(index) is not { IsEnabled: true } queue || !_device.IsRequestQueue(index)) return;
        queue.HasEarlyNotification = !CanUseQueues;
        if (!CanUseQueues) return;
        var fault = Serve(index, queue.Ring);
        NotifyDriver(index, queue.Ring, fault);
    }

    /// <summary>
    /// The driver's notification with VIRTIO_F_NOTIFICATION_DATA: <paramref name="nextAvailable"/> is next_off, with next_wrap in bit 15
    /// (section 2.9). It spares the look into the rings where it names nothing new; what is there only the rings say.
    /// </summary>
    public void Notify(int index, ushort nextAvailable)
    {
        if (CanUseQueues && Queue(index) is { IsEnabled: true } queue && queue.Ring.HasReached(nextAvailable)) return;
        Notify(index);
    }

    /// <inheritdoc/>
    public bool TryReport(int queue, ReadOnlySpan<byte> report)
    {
        if (!CanUseQueues || Queue(queue) is not { IsEnabled: true, Ring: var ring }) return false;
        var fault = ring.TryTake(out var chain, out bool isEmpty);
        if (isEmpty) return false;
        if (fault == ChainFault.None) fault = Fill(ring, chain, report);
        NotifyDriver(queue, ring, fault);
        return fault == ChainFault.None;
    }

    /// <inheritdoc/>
    public void ConfigChanged()
    {
        _configChangedSinceRead = true;
        // CORE-SUSPEND-D-04/-05.
        if (IsSuspended) _notificationWithheld = true;
        else if (IsLive) _interrupts.ConfigurationChanged();
    }

    /// <summary>Device reset (section 2.4).</summary>
    public void Reset()
    {
        ClearDriverState();
        _device.Reset();
    }

    /// <summary>The reset line of the machine.</summary>
    public void SystemReset()
    {
        ClearDriverState();
        _device.SystemReset();
    }

    private void ClearDriverState()
    {
        Status = DeviceStatus.None;
        DriverFeatures = 0;
        Negotiated = VirtioFeatures.None;
        LastFault = ChainFault.None;
        _notificationWithheld = false;
        foreach (var queue in _queues)
        {
            queue.Reset();
            queue.Features = VirtioFeatures.None;
        }

        // CORE-RESET-D-02: nothing of before is notified after.
        _interrupts.Reset();
    }

    private void TryAcceptFeatures()
    {
        if (Status.HasFlag(DeviceStatus.FeaturesOk)) return;
        // CORE-FEAT-D-03: an unoffered bit, or a legacy driver. No bit offered here requires another one.
        if ((DriverFeatures & ~OfferedFeatures) != 0) return;
        if ((DriverFeatures & (ulong)VirtioFeatures.Version1) == 0) return;

        Status |= DeviceStatus.FeaturesOk;
        Negotiated = (VirtioFeatures)DriverFeatures;
        foreach (var queue in _queues) queue.Features = Negotiated;
        _device.FeaturesNegotiated(DriverFeatures);
    }

    private void Resume()
    {
        Status = (Status | DeviceStatus.DriverOk) & ~DeviceStatus.Suspend;
        if (_notificationWithheld)
        {
            _notificationWithheld = false;
            _interrupts.ConfigurationChanged();
        }

        ServeEarlyNotifications();
    }

    // A driver that uses EVENT_IDX does not repeat a notification: one that came too early must not be lost.
    private void ServeEarlyNotifications()
    {
        for (int index = 0; index < _queues.Length; index++)
        {
            if (CanUseQueues && _queues[index].HasEarlyNotification) Notify(index);
        }
    }

    private ChainFault Serve(int index, VirtqueueRing ring)
    {
        for (; ; )
        {
            var fault = ring.TryTake(out var chain, out bool isEmpty);
            if (fault != ChainFault.None || isEmpty) return fault;

            fault = chain.CopyReadable(_memory, _request, out int length);
            if (fault != ChainFault.None) return fault;

            var reply = _reply.AsSpan(0, (int)Math.Min(chain.WritableLength, (ulong)_reply.Length));
            reply.Clear();
            int written = _device.Process(index, _request.AsSpan(0, length), reply);

            fault = chain.Scatter(_memory, reply[..written]);
            if (fault == ChainFault.None) fault = ring.Return(chain, (uint)written);
            if (fault != ChainFault.None) return fault;
        }
    }

    private ChainFault Fill(VirtqueueRing ring, in DescriptorChain chain, ReadOnlySpan<byte> report)
    {
        // IOMMU-FAULT-D-05: a report that does not fit is not spread over several buffers.
        if (chain.WritableLength < (ulong)report.Length) return ring.Return(chain, 0);
        var fault = chain.Scatter(_memory, report);
        return fault == ChainFault.None ? ring.Return(chain, (uint)report.Length) : fault;
    }

    private void NotifyDriver(int index, VirtqueueRing ring, ChainFault fault)
    {
        var unpublished = ring.Publish(out bool isNotificationWanted);
        if (isNotificationWanted) _interrupts.QueueUsed(index);
        if (fault == ChainFault.None) fault = unpublished;
        if (fault != ChainFault.None) NeedReset(fault);
    }

    // CORE-STATUS-D-02 and -03. Only a live device touches its queues, so DRIVER_OK is set whenever one turns out to be broken.
    private void NeedReset(ChainFault fault)
    {
        LastFault = fault;
        Status |= DeviceStatus.DeviceNeedsReset;
        _interrupts.ConfigurationChanged();
    }
}
