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

    private const uint AnyStatus = 0xff;

    private readonly ShadowedMemory _memory;
    private readonly uint?[] _offered = new uint?[4];

    // Bits of the status that may be either way, until they are read.
    private uint _free;
    private StatusCause _because;
    private ulong? _acceptedBefore;
    private bool _isChangeWithheld;
    private int _accesses;
    private bool _couldAccessMemory;
    private readonly bool[] _queueServedBefore = new bool[QueueCount];

    protected DeviceJudge(ShadowedMemory memory, ConfigurationLife configuration)
    {
        _memory = memory;
        Configuration = configuration;
        Rings = [new(memory, 0), new(memory, 1)];
        Queues = [new(), new()];
    }

    private enum StatusCause
    {
        None,
        Reset,
        Acceptable,
        Unacceptable,
        Early,
        Suspend,
        Resume,
    }

    /// <summary>The rings that a driver which behaves uses.</summary>
    public DrivenRing[] Rings { get; }

    /// <summary>The queues, as registers show them.</summary>
    public QueueLife[] Queues { get; }

    /// <summary>The configuration, as registers show it.</summary>
    public ConfigurationLife Configuration { get; }

    /// <summary>The driver has done what no driver may: anything can come of it.</summary>
    public bool IsLost { get; private set; }

    /// <summary>The status that is to be read, or was.</summary>
    public uint Status { get; private set; }

    /// <summary>What the driver has accepted so far.</summary>
    public ulong Accepted { get; private set; }

    /// <summary>Features in force.</summary>
    public ulong Negotiated { get; private set; }

    /// <summary>The first 64 features that the device offers, as far as they were read.</summary>
    public ulong Offered => ((ulong)(_offered[1] ?? 0) << 32) | (_offered[0] ?? 0);

    protected bool IsLive => (Status & (StatusBits.DriverOk | StatusBits.Suspend | StatusBits.NeedsReset)) == StatusBits.DriverOk;

    /// <summary>True while nothing that the spec says keeps the device from serving some queue.</summary>
    protected bool CanServe => IsLost || (MayServe && (Queues[0].MayBeUsed || Queues[1].MayBeUsed));

    /// <summary>True while the device, queues aside, may serve.</summary>
    protected virtual bool MayServe => IsLive;

    /// <summary>True while the device may access memory for something else than queues.</summary>
    protected virtual bool MayAccessMemory => false;

    /// <summary>The rule by which the device serves no queue, where it is one of the transport.</summary>
    protected virtual string? NotServedBecause => null;

    protected bool Has(ulong feature) => (Negotiated & feature) != 0;

    /// <summary>Features that a driver of this interface may accept.</summary>
    public virtual ulong Known => Features.AcceptableFrom(IsPci);

    /// <summary>True where the transport is PCI.</summary>
    protected abstract bool IsPci { get; }

    /// <summary>The rule by which a word of the offered features is the one that was selected.</summary>
    protected abstract string SelectsWord { get; }

    /// <summary>The rules of a queue after a device reset, and after a queue reset: shown as not enabled, not touched, shown as not being reset, and its size.</summary>
    protected abstract (string Enabled, string Untouched, string Reset, string Size) AfterReset { get; }

    protected abstract (string Enabled, string Untouched, string Reset, string Size) AfterQueueReset { get; }

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
        _free = AnyStatus;
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
        if (_free != 0 || !IsLegal(value)) Lost();
        else Expect(value);
    }

    /// <summary>The driver reads the device status.</summary>
    public void SawStatus(uint value)
    {
        uint wrong = (value ^ Status) & ~_free;
        if (wrong != 0 && !FailsToSuspend(value)) Deny(value, wrong);
        bool isAccepted = (value & ~Status & StatusBits.FeaturesOk) != 0 || (_because == StatusCause.Acceptable && (value & StatusBits.FeaturesOk) != 0);
        Status = value;
        _free = IsLost ? AnyStatus : 0;
        if (IsLost) return;
        if (isAccepted && Negotiated == 0) Accept();
        _because = StatusCause.None;
    }

    /// <summary>The driver reads a word of the offered features.</summary>
    public void SawOffered(uint word, uint value)
    {
        if (word >= 2)
        {
            if (value != 0) Broken.Rule(value == _offered[word % 2] ? SelectsWord : "CORE-FEAT-D-04", "word above 1", $"word {word} of the offered features is 0x{value:x}");
            return;
        }

        if (_offered[word] is { } known && known != value) Broken.Rule(SelectsWord, $"word {word}", $"word {word} of the offered features is 0x{value:x} and was 0x{known:x}");
        _offered[word] = value;
        uint odd = value & ~(uint)(Features.OfferableBy(IsPci) >> (int)(32 * word));
        if (odd != 0) Broken.Rule("CORE-FEAT-D-04", $"0x{odd:x}", $"the device offers 0x{odd:x} in word {word}, which is nothing that it could have");
        RequireOffer(word, value);
        if (((ulong)value << (int)(32 * word) & Features.SrIov) != 0 && !HasSrIov) Broken.Rule("CORE-RSVD-D-10", "", "the device offers SR_IOV without the capability");
    }

    /// <summary>What the device has to offer, in a word of its features.</summary>
    protected virtual void RequireOffer(uint word, uint value)
    {
        if (word == 1 && (value & 1) == 0) Broken.Rule("CORE-RSVD-D-01", "", "the device does not offer VERSION_1");
    }

    /// <summary>True where the function has the capability for SR-IOV.</summary>
    protected virtual bool HasSrIov => false;

    /// <summary>The driver accepts a word of features.</summary>
    public virtual void Accepts(uint word, uint value)
    {
        if (word > 1)
        {
            if (value != 0) Lost();
            return;
        }

        if ((Status & StatusBits.FeaturesOk) != 0) Lost();
        int shift = (int)(32 * word);
        Accepted = (Accepted & ~(0xffff_ffffUL << shift)) | ((ulong)value << shift);
    }

    /// <summary>The driver has written all that a queue needs, and enables it.</summary>
    protected void EnablesQueue(int index, string enabled, string reset)
    {
        var queue = Queues[index];
        var ring = Rings[index];
        bool isKnown = (Status & StatusBits.FeaturesOk) != 0 && !queue.IsEnabled && !queue.IsBeingReset && !Has(Features.RingPacked)
            && queue.Written == (QueueLife.Fields.Addresses | QueueLife.Fields.Size)
            && queue.Size == ring.Size && queue.Descriptors == AddressOf(ring.Descriptors) && queue.Driver == AddressOf(ring.Available) && queue.Device == AddressOf(ring.Used)
            && ring.IsNewFor(Negotiated);
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
            bool isSuspended = (Status & StatusBits.Suspend) != 0;
            _isChangeWithheld |= isSuspended;
            if (isSuspended) WithholdsChange("CORE-SUSPEND-D-04");
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
        if ((Status & StatusBits.Suspend) != 0) return;
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
        Status = 0;
        _free = 0;
        _because = StatusCause.Reset;
        Accepted = Negotiated = 0;
        _isChangeWithheld = false;
        var rules = AfterReset;
        foreach (var queue in Queues) queue.Begin(rules.Enabled, rules.Untouched, rules.Reset, rules.Size);
    }

    /// <summary>The driver resets a queue.</summary>
    protected void ResetsQueue(int index)
    {
        var rules = AfterQueueReset;
        Queues[index].Begin(rules.Enabled, rules.Untouched, rules.Reset, rules.Size);
        Queues[index].IsBeingReset = true;
    }

    /// <summary>Features are in force.</summary>
    protected void PutInForce(ulong features) => Negotiated = features;

    protected static ulong AddressOf(int offset) => ShadowedMemory.First + (uint)offset;

    /// <summary>True while nothing that the spec says keeps the device from serving that queue, which a driver that behaves has set up.</summary>
    public bool IsServing(int index) => !IsLost && MayServe && Queues[index] is { IsEnabled: true, IsUnsure: false };

    /// <summary>Whether a driver may write that status now; what is to be expected then is up to <see cref="Expect"/>.</summary>
    protected virtual bool IsLegal(uint value)
    {
        // After FAILED a driver can do nothing but a reset (CORE-STATUS-V-03).
        const uint writable = StatusBits.Live | StatusBits.Suspend;
        uint added = value & ~Status;
        uint removed = Status & ~value;
        if ((value & ~writable) != 0 || (Status & StatusBits.NeedsReset) != 0) return false;
        if ((Status & StatusBits.Suspend) != 0) return (removed & ~StatusBits.Suspend) == 0 && (added & ~StatusBits.DriverOk) == 0;
        if (removed != 0) return false;
        return added is 0 or StatusBits.Acknowledge or StatusBits.Found
            || (added == StatusBits.Driver && (value & StatusBits.Acknowledge) != 0)
            || (added == StatusBits.FeaturesOk && (Status & StatusBits.Found) == StatusBits.Found)
            || (added == StatusBits.DriverOk && (Status & StatusBits.Negotiated) == StatusBits.Negotiated)
            || (added == StatusBits.Suspend && (Has(Features.Suspend) || (Status & StatusBits.DriverOk) == 0));
    }

    private void Expect(uint value)
    {
        uint added = value & ~Status;
        if ((Status & StatusBits.Suspend) != 0)
        {
            if ((added & StatusBits.DriverOk) == 0) return;
            Status = (Status | added) & ~StatusBits.Suspend;
            _because = StatusCause.Resume;
            if (_isChangeWithheld && Has(Features.BypassConfig)) TellsOfChange("CORE-SUSPEND-D-05");
            else if (_isChangeWithheld) MayTellOfChange();
            _isChangeWithheld = false;
            return;
        }

        if ((added & StatusBits.Suspend) != 0)
        {
            // CORE-SUSPEND-D-01.
            bool isRunning = (Status & StatusBits.DriverOk) != 0;
            _because = isRunning ? StatusCause.Suspend : StatusCause.Early;
            Status = isRunning ? (Status | added) & ~StatusBits.DriverOk : Status | (added & ~StatusBits.Suspend);
            return;
        }

        Status |= added;
        if ((added & StatusBits.FeaturesOk) == 0) return;
        ulong offered = Offered;
        bool isOfferKnown = _offered[0] is not null && _offered[1] is not null;
        bool isOffered = (Accepted & ~offered) == 0;
        bool isRefusable = ((offered | Features.Version1) & Features.Indispensable & ~Accepted) != 0 || (Accepted & ~Known) != 0;
        _because = isOfferKnown && isOffered && !isRefusable ? StatusCause.Acceptable : StatusCause.Unacceptable;
        if (_because == StatusCause.Unacceptable)
        {
            Status &= ~StatusBits.FeaturesOk;
            _free |= StatusBits.FeaturesOk;
        }
    }

    private void Accept()
    {
        if ((Accepted & ~Offered) != 0 || (Accepted & Features.Version1) == 0)
        {
            // CORE-FEAT-D-03: it may have ignored what it does not offer. What is in force then nobody knows.
            AcceptedMore();
            Lost();
            return;
        }

        PutInForce(Accepted);
        _acceptedBefore = Accepted;
    }

    /// <summary>FEATURES_OK is set although the driver accepted what was not offered, or not what is needed.</summary>
    protected virtual void AcceptedMore()
    {
    }

    private bool FailsToSuspend(uint value)
    {
        if (_because is not (StatusCause.Suspend or StatusCause.Resume) || (value & StatusBits.NeedsReset) == 0) return false;
        // CORE-SUSPEND-D-06 and -07: the other way out.
        TellsOfChange("CORE-STATUS-D-03");
        Lost();
        return true;
    }

    private void Deny(uint value, uint wrong)
    {
        string state = $"0x{wrong:x}";
        string message = $"the device status is 0x{value:x}, not 0x{Status:x}";
        if ((wrong & value & StatusBits.NeedsReset) != 0) Broken.Rule("well-formed-rings-are-served", "status", message);
        string rule = _because switch
        {
            StatusCause.Reset => "CORE-RESET-D-01",
            StatusCause.Acceptable when (wrong & StatusBits.FeaturesOk) != 0 => _acceptedBefore == Accepted ? "CORE-FEAT-D-05" : "CORE-FEAT-D-02",
            StatusCause.Early => "CORE-SUSPEND-D-01",
            StatusCause.Suspend => "CORE-SUSPEND-D-06",
            StatusCause.Resume => "CORE-SUSPEND-D-07",
            _ => "status-is-what-was-written",
        };
        Broken.Rule(rule, state, message);
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
        if ((Status & StatusBits.Suspend) != 0) return "CORE-SUSPEND-D-03";
        if (Status == 0) return "CORE-RESET-D-02";
        if (IsLive && NotServedBecause is { } rule) return rule;
        return MayServe ? Queues[index].UntouchedBecause : "CORE-STATUS-D-01";
    }
}
