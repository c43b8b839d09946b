using System.Buffers.Binary;
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
internal sealed partial class VirtioCore : IVirtioHost
{
    private readonly IVirtioDevice _device;
    private readonly IGuestMemory _memory;
    private readonly IInterrupts _interrupts;
    private readonly DeviceQueue[] _queues;
    private readonly byte[] _request;
    private readonly byte[] _reply;

    private bool _configChangedSinceRead;
    private bool _notificationWithheld;
    private bool _legacyFeaturesWritten;

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

    /// <summary>
    /// All feature bits that a legacy interface shows; only the first 32 can be accepted through it. LEGACY-RSVD-D-03: ANY_LAYOUT is one
    /// of them.
    /// </summary>
    public ulong LegacyFeatures => OfferedFeatures | (ulong)VirtioFeatures.AnyLayout;

    /// <summary>The driver uses a legacy interface, to which the sections "Legacy Interface" of the spec apply; reset ends that.</summary>
    public bool IsLegacy { get; private set; }

    /// <summary>What the driver has written so far, offered or not.</summary>
    public ulong DriverFeatures { get; private set; }

    /// <summary>The features in force: none before FEATURES_OK, or, on a legacy interface, before the driver wrote them.</summary>
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

    // CORE-STATUS-D-01, CORE-SUSPEND-D-03: suspension clears DRIVER_OK, so this says both. LEGACY-INIT-D-02: a legacy driver need not wait.
    private bool IsLive => (Status & DeviceStatus.DeviceNeedsReset) == 0 && (IsLegacy || (Status & DeviceStatus.DriverOk) != 0);

    private bool CanUseQueues => IsLive && CanReachMemory;

    private bool IsSuspended => Status.HasFlag(DeviceStatus.Suspend);

    /// <summary>The queue of that number, or null where there is none.</summary>
    public DeviceQueue? Queue(int index) => index < _queues.Length ? _queues[index] : null;

    /// <summary>The largest size of the queue of that number, or 0 where there is none.</summary>
    public ushort MaximumQueueSize(int index) => index < _queues.Length ? _device.MaximumQueueSizes[index] : (ushort)0;

    /// <summary>
    /// Called before each write to a legacy interface: from the first one after a reset, the driver counts as a legacy driver. False once
    /// FEATURES_OK is set, which only a driver of the specification does: it keeps the device until reset.
    /// </summary>
    public bool TryUseLegacyInterface()
    {
        if (IsLegacy) return true;
        if (Status.HasFlag(DeviceStatus.FeaturesOk)) return false;
        IsLegacy = true;
        DriverFeatures = 0;
        return true;
    }

    /// <summary>
    /// The driver writes one half of its feature bits; nothing is accepted any more once FEATURES_OK is set. Through a legacy interface
    /// they are in force at once, those not offered ignored for want of a way to refuse them, and nothing is accepted after DRIVER_OK;
    /// LEGACY-PCI-D-04: the upper half is never accepted.
    /// </summary>
    public void WriteDriverFeatures(uint word, uint value)
    {
        if (IsLegacy)
        {
            if (word != 0 || Status.HasFlag(DeviceStatus.DriverOk)) return;
            _legacyFeaturesWritten = true;
            DriverFeatures = value;
            PutInForce(value & LegacyFeatures);
            return;
        }

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

        bool wasRunning = Status.HasFlag(DeviceStatus.DriverOk);
        Status |= written & (DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.Failed);
        if (written.HasFlag(DeviceStatus.FeaturesOk)) TryAcceptFeatures();
        if (Status.HasFlag(DeviceStatus.DeviceNeedsReset)) return;

        if (IsSuspended)
        {
            if (written.HasFlag(DeviceStatus.DriverOk)) Resume();
        }
        else if (wasRunning)
        {
            // CORE-SUSPEND-D-08..10: nothing is ever in flight between two accesses of the driver, so suspension is complete at once.
            if (written.HasFlag(DeviceStatus.Suspend) && Negotiated.HasFlag(VirtioFeatures.Suspend))
                Status = (Status | DeviceStatus.Suspend) & ~DeviceStatus.DriverOk;
        }
        else if (written.HasFlag(DeviceStatus.DriverOk) && (IsLegacy || Status.HasFlag(DeviceStatus.FeaturesOk)))
        {
            // CORE-SUSPEND-D-01: SUSPEND written together with the first DRIVER_OK is ignored.
            Status |= DeviceStatus.DriverOk;
            ServeEarlyNotifications();
        }
    }

    /// <summary>Reads 1, 2, 4 or 8 bytes of the configuration, little-endian; 0 unless all of them are there.</summary>
    public ulong ReadConfig(int offset, int width)
    {
        if (!IsConfigAccess(offset, width)) return 0;
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        _device.ReadConfig(offset, bytes[..width]);
        // PCI-COMMON-D-06: moving only when a changed value is read keeps 256 unread changes from looking like none.
        if (_configChangedSinceRead)
        {
            _configChangedSinceRead = false;
            ConfigGeneration++;
        }

        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>The driver writes 1, 2, 4 or 8 bytes of the configuration, little-endian; ignored unless all of them are there.</summary>
    public void WriteConfig(int offset, int width, ulong value)
    {
        // CORE-SUSPEND-D-02.
        if (!IsConfigAccess(offset, width) || IsSuspended || Status.HasFlag(DeviceStatus.DeviceNeedsReset)) return;
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        if (IsLegacy) WriteLegacyConfig(offset, bytes[..width]);
        else _device.WriteConfig(offset, bytes[..width]);
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
        IsLegacy = _legacyFeaturesWritten = false;
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
        PutInForce(DriverFeatures);
    }

    private void PutInForce(ulong features)
    {
        Negotiated = (VirtioFeatures)features;
        foreach (var queue in _queues) queue.Features = Negotiated;
        _device.FeaturesNegotiated(features);
    }

    private bool IsConfigAccess(int offset, int width) =>
        width is 1 or 2 or 4 or 8 && offset >= 0 && offset <= _device.ConfigLength - width;

    // LEGACY-INIT-D-01: a field can be written before the features are read, so until then no offered feature counts as declined.
    // LEGACY-PCI-D-02: byte by byte, so that every width has the effect of the natural one.
    private void WriteLegacyConfig(int offset, ReadOnlySpan<byte> bytes)
    {
        if (!_legacyFeaturesWritten) _device.FeaturesNegotiated((uint)LegacyFeatures);
        for (int i = 0; i < bytes.Length; i++) _device.WriteConfig(offset + i, bytes.Slice(i, 1));
        if (!_legacyFeaturesWritten) _device.FeaturesNegotiated(0);
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

    // CORE-STATUS-D-02 and -03. DRIVER_OK can be missing only on a legacy interface.
    private void NeedReset(ChainFault fault)
    {
        LastFault = fault;
        Status |= DeviceStatus.DeviceNeedsReset;
        if (Status.HasFlag(DeviceStatus.DriverOk)) _interrupts.ConfigurationChanged();
    }
}
