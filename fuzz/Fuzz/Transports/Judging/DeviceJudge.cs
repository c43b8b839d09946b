using Viommu.Fuzz.Machines;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports.Judging;

/// <summary>
/// What a driver may see of a device, whatever it has done: status, features, queues, configuration and interrupts, as far as the text says
/// it (sections 2 to 4). It is told of every access, and throws where a device shows something else.
/// </summary>
/// <remarks>
/// It is never stricter than the text. A driver that breaks a rule of its own is <see cref="Lost"/>: from then on nothing is said of the
/// device until it is reset. Where the text leaves a choice, what the device shows is learned. In this machine all that an access causes has
/// happened when it returns, so nothing is waited for.
/// </remarks>
internal abstract class DeviceJudge
{
    /// <summary>Number of queues of a virtio-iommu (section 5.13.2).</summary>
    public const int QueueCount = 2;

    private readonly ShadowedMemory _memory;
    private readonly StatusLife _status;
    private bool _isChangeWithheld;
    private int _accesses;
    private bool _couldAccessMemory;
    private readonly bool[] _queueServedBefore = new bool[QueueCount];

    protected DeviceJudge(ShadowedMemory memory, FeatureLife features, ConfigurationLife configuration)
    {
        _memory = memory;
        _status = new(features);
        FeatureBits = features;
        Configuration = configuration;
        Rings = [new(memory, 0), new(memory, 1)];
        Queues = [new(), new()];
    }

    /// <summary>The rings that a driver which behaves uses.</summary>
    public DrivenRing[] Rings { get; }

    /// <summary>The queues, as registers show them.</summary>
    public QueueLife[] Queues { get; }

    /// <summary>The configuration, as registers show it.</summary>
    public ConfigurationLife Configuration { get; }

    /// <summary>The driver has done what no driver may: anything can come of it.</summary>
    public bool IsLost { get; private set; }

    /// <summary>What is offered, accepted and in force.</summary>
    public FeatureLife FeatureBits { get; }

    /// <summary>The status that is to be read, or was.</summary>
    public uint Status => _status.Value;

    protected bool IsLive => _status.IsLive;

    /// <summary>Features are negotiated, by the status.</summary>
    protected bool HasFeatures => _status.HasFeatures;

    /// <summary>True while nothing that the spec says keeps the device from serving some queue.</summary>
    protected bool CanServe => IsLost || (MayServe && (Queues[0].MayBeUsed || Queues[1].MayBeUsed));

    /// <summary>True while the device, queues aside, may serve.</summary>
    protected virtual bool MayServe => IsLive;

    /// <summary>True while the device may access memory for something else than queues.</summary>
    protected virtual bool MayAccessMemory => false;

    /// <summary>The rule by which the device serves no queue, where it is one of the transport.</summary>
    protected virtual string? NotServedBecause => null;

    protected bool Has(ulong feature) => FeatureBits.Has(feature);

    /// <summary>The rules of a queue after a device reset.</summary>
    protected abstract QueueRules AfterReset { get; }

    /// <summary>The rules of a queue after a queue reset.</summary>
    protected abstract QueueRules AfterQueueReset { get; }

    /// <summary>Power was switched on.</summary>
    public virtual void PowerOn()
    {
        Configuration.Forget();
        IsLost = true;
        BeginLife();
    }

    /// <summary>The driver does what it must not.</summary>
    public virtual void Lost()
    {
        IsLost = true;
        _status.Forget();
        Configuration.ForgetGeneration();
    }

    /// <summary>The driver writes the device status.</summary>
    public void WroteStatus(uint value)
    {
        if (value == 0)
        {
            Configuration.ForgetGeneration();
            BeginLife();
            return;
        }

        if (IsLost) return;
        if (_status.IsUnsure || !IsLegal(value)) Lost();
        else if (_status.Wrote(value)) TellWithheld();
    }

    /// <summary>The driver reads the device status.</summary>
    public void SawStatus(uint value)
    {
        switch (_status.Saw(value))
        {
            case StatusLife.News.FeaturesOk when FeatureBits.Negotiated == 0 && !FeatureBits.TryAgree():
                AcceptedMore();
                Lost();
                break;
            case StatusLife.News.NeedsReset:
                TellsOfChange("CORE-STATUS-D-03");
                Lost();
                break;
        }
    }

    /// <summary>The driver accepts a word of features.</summary>
    public virtual void Accepts(uint word, uint value)
    {
        if (word > 1)
        {
            if (value != 0) Lost();
            return;
        }

        if (HasFeatures) Lost();
        FeatureBits.Accept(word, value);
    }

    /// <summary>The driver has written all that a queue needs, and enables it.</summary>
    protected void EnablesQueue(int index, string enabled, string reset)
    {
        var queue = Queues[index];
        var ring = Rings[index];
        bool isKnown = HasFeatures && !queue.IsEnabled && !queue.IsBeingReset && !Has(Features.RingPacked)
            && queue.Written == (QueueLife.Fields.Addresses | QueueLife.Fields.Size)
            && queue.Size == ring.Size && queue.Descriptors == AddressOf(ring.Descriptors) && queue.Driver == AddressOf(ring.Available) && queue.Device == AddressOf(ring.Used)
            && ring.IsNewFor(FeatureBits.Negotiated);
        if (!isKnown) Lost();
        queue.Enable(enabled, reset);
    }

    /// <summary>The driver notifies the device of a queue.</summary>
    public void Notifies(uint value)
    {
        uint index = Has(Features.NotificationData) ? value & 0xffff : value;
        if (index >= QueueCount || (Has(Features.NotificationData) && value != Rings[index].Notification))
        {
            Lost();
            return;
        }

        if (!IsServing((int)index)) return;
        Queues[index].IsServiceDue = true;
        Rings[index].Notified();
    }

    /// <summary>
    /// The driver has made chains available of which the device does not want to be notified; false where it has to be all the same. Section
    /// 2.7.10: a device may leave them until there are as many as it asks for, and there can be no more than fill the ring.
    /// </summary>
    public bool TryLeaveUnnotified(int index)
    {
        if (!IsServing(index) || Rings[index].IsNotificationWanted) return false;
        Queues[index].IsServiceDue = Rings[index].IsFull;
        return true;
    }

    /// <summary>The machine changes bypass behind the driver's back.</summary>
    public void BypassChanges(byte value)
    {
        Configuration.BypassChanged(value);
        if (IsLost) return;
        if (!Has(Features.BypassConfig) || !IsLive)
        {
            _isChangeWithheld |= _status.IsSuspended;
            if (_status.IsSuspended) WithholdsChange("CORE-SUSPEND-D-04");
            else MayTellOfChange();
            return;
        }

        TellsOfChange("");
    }

    /// <summary>The driver reads the configuration: by natural widths, and what is wider than 32 bits in halves (CORE-CFG-V-01, MMIO-REG-V-05, PCI-LAYOUT-V-01).</summary>
    protected void SawConfiguration(int offset, int width, ulong value)
    {
        if (IsLost) return;
        if (width == 1 && offset == IommuConfig.BypassOffset) Configuration.SawBypass((byte)value);
        else if (width == 4 && offset % 4 == 0 && offset is >= 0 and < IommuConfig.BypassOffset) Configuration.SawField(offset, (uint)value);
        else Lost();
    }

    /// <summary>The driver writes the configuration, where bypass is all that it may write.</summary>
    protected virtual void WroteConfiguration(int offset, int width, ulong value)
    {
        if (IsLost || width != 1 || offset != IommuConfig.BypassOffset || !Has(Features.BypassConfig) || value > 1)
        {
            Configuration.SetBypass(null, "");
            Lost();
            return;
        }

        // CORE-SUSPEND-D-02.
        if (_status.IsSuspended) return;
        Configuration.SetBypass((byte)value, "IOMMU-CFG-D-06");
        MayTellOfChange();
    }

    /// <summary>A step of the input begins.</summary>
    public void BeginStep()
    {
        _accesses = _memory.Accesses;
        _couldAccessMemory = false;
        Array.Clear(_queueServedBefore);
        NoteServing();
    }

    /// <summary>From here on until the step is over, what can be served now may have been, and messages that can be sent now may have been sent.</summary>
    protected void NoteServing()
    {
        _couldAccessMemory |= CanServe || MayAccessMemory;
        for (int i = 0; i < QueueCount; i++) _queueServedBefore[i] |= MayServe && Queues[i].MayBeUsed;
    }

    /// <summary>A step is over, and the status was read: what has the device done in memory?</summary>
    public void EndStep()
    {
        for (int i = 0; i < QueueCount; i++) LookAt(i);
        if (!_couldAccessMemory && !CanServe && !MayAccessMemory && _memory.Accesses != _accesses) Broken.Rule(UntouchedBecause(0), "", $"the device accesses memory while its status is 0x{Status:x}");
    }

    /// <summary>A queue has used buffers; the driver has asked to be told of that, or not to be told.</summary>
    protected abstract void QueueUsed(int queue, bool isWanted);

    /// <summary>The configuration, or the status, has changed so that the driver has to be told; <paramref name="rule"/> says so where it is not that of the transport.</summary>
    protected abstract void TellsOfChange(string rule);

    /// <summary>The configuration has changed, and the rule says that the driver is not told for now.</summary>
    protected abstract void WithholdsChange(string rule);

    /// <summary>The device may tell of a change.</summary>
    protected abstract void MayTellOfChange();

    /// <summary>A reset: nothing of before is left.</summary>
    protected virtual void BeginLife()
    {
        // What was used before is nothing that came of the reset.
        for (int i = 0; i < QueueCount; i++) LookAt(i);
        // Nobody knows what has become of rings in the meantime.
        if (IsLost) foreach (var ring in Rings) ring.Forget();
        IsLost = false;
        _status.Begin();
        FeatureBits.Begin();
        _isChangeWithheld = false;
        foreach (var queue in Queues) queue.Begin(AfterReset);
    }

    /// <summary>The driver resets a queue.</summary>
    protected void ResetsQueue(int index)
    {
        Queues[index].Begin(AfterQueueReset);
        Queues[index].IsBeingReset = true;
    }

    protected static ulong AddressOf(int offset) => ShadowedMemory.First + (uint)offset;

    /// <summary>True while nothing that the spec says keeps the device from serving that queue, which a driver that behaves has set up.</summary>
    public bool IsServing(int index) => !IsLost && MayServe && Queues[index] is { IsEnabled: true, IsUnsure: false };

    /// <summary>Whether a driver may write that status now.</summary>
    protected virtual bool IsLegal(uint value) => _status.IsLegal(value);

    /// <summary>FEATURES_OK is set although the driver accepted what was not offered, or not what is needed.</summary>
    protected virtual void AcceptedMore()
    {
    }

    // The device is resumed.
    private void TellWithheld()
    {
        if (_isChangeWithheld && Has(Features.BypassConfig)) TellsOfChange("CORE-SUSPEND-D-05");
        else if (_isChangeWithheld) MayTellOfChange();
        _isChangeWithheld = false;
    }

    private void LookAt(int index)
    {
        var ring = Rings[index];
        var queue = Queues[index];
        if (IsLost) return;
        if (ring.TryTake(out bool isWanted))
        {
            if (!(MayServe && queue.MayBeUsed) && !_queueServedBefore[index]) Broken.Rule(UntouchedBecause(index), $"queue {index}", $"queue {index} is used while the status is 0x{Status:x} and the queue is {(queue.IsEnabled ? "" : "not ")}enabled");
            QueueUsed(index, isWanted);
        }

        if (queue.IsServiceDue && ring.IsQueueOfRequests && ring.Offered != ring.Returned)
            Broken.Rule("well-formed-rings-are-served", "", $"the device has used {ring.Returned} of {ring.Offered} chains, although it was notified of them or has left no room for more");
        queue.IsServiceDue = false;
    }

    private string UntouchedBecause(int index)
    {
        if (_status.IsSuspended) return "CORE-SUSPEND-D-03";
        if (Status == 0) return "CORE-RESET-D-02";
        if (IsLive && NotServedBecause is { } rule) return rule;
        return MayServe ? Queues[index].UntouchedBecause : "CORE-STATUS-D-01";
    }
}
