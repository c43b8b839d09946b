using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Queues;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Targets;

/// <summary>
/// A driver that keeps its rules, on either ring, with any features: requests in any number and cut in any way, notifications asked for and put
/// off, resets of the device, its queue and the machine, suspension. What virtio says of the device's part is judged by its clauses.
/// </summary>
internal sealed class QueuesTarget : IFuzzTarget
{
    public static readonly TargetInfo Info = new(
        "queues", "a driver that keeps its rules: negotiation, requests, notifications, resets, suspension", QueueShape.Shape, QueueShape.KindCount * Circumstances * Manners,
        subject => new QueuesTarget(subject))
    {
        Shows = subject => !subject.Configuration.IsLegacy,
        Constants = [.. SpecConstants.Requests, .. SpecConstants.FeatureBits],
        Seeds = QueueSeeds.All,
    };

    private const int Circumstances = 16;
    private const int Manners = 16;
    private const int Looks = 3;

    // Almost as many as bring an index of 16 bits round.
    private const ushort Far = 0xfff0;
    private const byte NotAnAnswer = 0xa5;

    private readonly Subject _subject;
    private readonly QueueMachine?[] _machines = new QueueMachine?[2];
    private readonly QueueServing?[] _servings = new QueueServing?[2];
    private readonly bool[] _isOfferJudged = new bool[2];
    private QueueMachine _machine = null!;
    private QueueServing _serving = null!;
    private ulong _wanted;
    private ulong _accepted;
    private uint _largest;
    private int _size;
    private int _place;
    private int _cares;
    private bool _isBypassChanged;

    private QueuesTarget(Subject subject) => _subject = subject;

    public void Execute(ReadOnlySpan<byte> input, Observations observations)
    {
        if (input.Length < QueueShape.HeaderSize) return;
        // What is wrong with a broken device shows on one ring.
        int ring = _subject == Subject.Reference ? input[QueueShape.PackedOffset] & 1 : (int)_subject.Configuration.Ring;
        _machine = _machines[ring] ??= new(_subject, ring == (int)ModelRing.Packed);
        _serving = _servings[ring] ??= new(_machine);
        _serving.Observations = observations;
        _serving.Fill = input[QueueShape.FillOffset];
        _cares = input[QueueShape.CaresOffset];
        _serving.IsQuiet = (_cares & QueueShape.IsQuiet) != 0;
        (_accepted, _largest, _place) = (0, 0, 0);
        _size = input[QueueShape.SizeOffset];
        if (_isBypassChanged) _machine.Transport.SystemReset();
        _isBypassChanged = false;
        _machine.Begin();
        _machine.ReadOffer();
        if (!_isOfferJudged[ring]) JudgeOffer();
        _isOfferJudged[ring] = true;
        Start(BinaryPrimitives.ReadUInt64LittleEndian(input));
        if ((_cares & QueueShape.IsFar) != 0) _serving.GoFar(Far);

        int steps = Math.Min((input.Length - QueueShape.HeaderSize) / QueueShape.StepSize, QueueShape.MaximumSteps);
        observations.Operations = steps;
        for (int i = 0; i < steps; i++)
        {
            var step = input.Slice(QueueShape.HeaderSize + (i * QueueShape.StepSize), QueueShape.StepSize);
            observations.Story?.Begin(i);
            Run(step);
            int circumstances = (ring << 3) | (_machine.Has(Features.EventIdx) ? 4 : 0) | (_machine.Has(Features.InOrder) ? 2 : 0) | (_machine.Ring.Outstanding > 0 ? 1 : 0);
            observations.Visit((((step[0] % QueueShape.KindCount) * Circumstances) + circumstances) * Manners + (step[QueueShape.How] % Manners));
        }
    }

    public void Dispose()
    {
    }

    private void Run(ReadOnlySpan<byte> step)
    {
        int how = step[QueueShape.How];
        int count = step[QueueShape.Count];
        uint value = BinaryPrimitives.ReadUInt32LittleEndian(step[QueueShape.Value..]);
        switch ((QueueStep)(step[0] % QueueShape.KindCount))
        {
            case QueueStep.Submit: Submit((CutKind)(how % ((int)CutKind.Long + 1)), count % (QueueLayout.LargestSize + 1), step[QueueShape.Room], value); break;
            case QueueStep.Notify: Serve(); break;
            case QueueStep.Suppress: _machine.Ring.Suppress(how, (sbyte)count); break;
            case QueueStep.DeviceReset:
                Reset();
                if ((how & QueueShape.KnocksMeanwhile) != 0) _serving.KnockInVain("CORE-RESET-D-02", "after a device reset");
                Start(BinaryPrimitives.ReadUInt64LittleEndian(step[QueueShape.Wanted..]));
                break;
            case QueueStep.QueueReset: if (_machine.Has(Features.RingReset)) ResetQueue(how, count); break;
            case QueueStep.Suspend: if (_machine.Has(Features.Suspend)) Suspend(how); break;
            case QueueStep.SystemReset:
                _machine.Transport.SystemReset();
                Require(_machine.Status == 0, "reset-clears-the-status", "the status is not 0 after a system reset");
                Start(_wanted);
                break;
            case QueueStep.Malform: Malform(how % 3); break;
            default: _serving.TryLap(count); break;
        }
    }

    private void JudgeOffer()
    {
        ulong offered = _machine.Offered;
        Require((offered & Features.Version1) != 0, "CORE-RSVD-D-01", "VERSION_1 is not offered");
        // The machine asks for a device that is written now, and BYPASS_CONFIG has taken its place.
        Require((offered & Features.Bypass) == 0, "IOMMU-FEAT-D-02", "the superseded BYPASS is offered (SHOULD)");
        bool isSrIov = (offered & Features.SrIov) != 0;
        bool hasSrIov = _machine.Transport.HasSrIov();
        Require(!isSrIov || hasSrIov, "CORE-RSVD-D-10", "SR_IOV is offered without an SR-IOV capability");
        Require(isSrIov || !hasSrIov, "CORE-RSVD-D-09", "SR_IOV is not offered beside an SR-IOV capability (SHOULD)");
        ulong foreign = offered & ~Features.OfferableBy(_machine.Transport.IsPci);
        if (foreign != 0) Break("CORE-FEAT-D-04", $"bits are offered that virtio 1.4 does not describe for an IOMMU on this transport: {Features.Describe(foreign)}");
        Require(_machine.Transport.ReadHigherOffer() == 0, "CORE-FEAT-D-04", "feature bits above 63 are offered");
    }

    private void Reset()
    {
        _machine.Transport.Set(MmioRegister.Status, 0);
        Require(Becomes(0, uint.MaxValue), "CORE-RESET-D-01", "the status does not become 0 after a device reset");
    }

    // From reset to DRIVER_OK (3.1.1).
    private void Start(ulong wanted)
    {
        _wanted = wanted;
        var transport = _machine.Transport;
        Reset();
        _serving.UsedNotification = QueueServing.Used;
        transport.Set(MmioRegister.Status, StatusBits.Acknowledge);
        transport.Set(MmioRegister.Status, StatusBits.Found);
        SuspendEarly(StatusBits.Found);
        _machine.ReadConfig(_machine.Offered);
        ulong accepted = _machine.Acceptable(wanted);
        if (!_machine.TryNegotiate(accepted)) Break(accepted == _accepted ? "CORE-FEAT-D-05" : "CORE-FEAT-D-02", $"FEATURES_OK stays clear although features are offered: {Features.Describe(accepted)} (SHOULD)");
        _accepted = accepted;
        SuspendEarly(StatusBits.Negotiated);
        _machine.ResetTwin();
        transport.RouteNotifications();
        uint largest = _machine.ReadQueueSize();
        _largest = largest;
        _machine.PlaceQueue(_place, SizeOf(_size));
        _serving.Begin();
        if ((_cares & QueueShape.IsEarly) != 0) _serving.KnockInVain("CORE-STATUS-D-01", "before DRIVER_OK");
        transport.Set(MmioRegister.Status, StatusBits.Live);
        Require((_machine.Status & (StatusBits.Live | StatusBits.NeedsReset)) == StatusBits.Live, "negotiation-succeeds", "a legal initialisation does not end in DRIVER_OK");
        int changed = _machine.ReadConfig(_machine.Offered & _machine.Negotiated);
        if (changed >= 0) Break("CORE-CFG-D-01", $"the configuration reads otherwise before FEATURES_OK, at offset {changed}");
    }

    private void SuspendEarly(uint status)
    {
        if ((_cares & QueueShape.SuspendsEarly) == 0) return;
        _machine.Transport.Set(MmioRegister.Status, status | StatusBits.Suspend);
        Require((_machine.Status & StatusBits.Suspend) == 0, "CORE-SUSPEND-D-01", "SUSPEND reads 1 before the device is initialised");
    }

    private void Submit(CutKind cut, int count, int room, uint requests)
    {
        var ring = _machine.Ring;
        bool isInTurn = QueueRequests.IsInTurn(requests);
        // A packed ring is begun in its order (PACKED-LAYOUT-D-01); what a device with a split ring does first is its own affair.
        if (isInTurn && !_machine.IsPacked)
        {
            if (ring.Outstanding > 0 && !Serve()) return;
            if (ring.Outstanding > 0) return;
            count = Math.Min(count, 1);
        }

        for (int i = 0; i < count; i++)
        {
            var request = QueueRequests.Of(requests, i);
            if (!_serving.TryAdd(request, QueueRequests.RoomFor(request, room), cut, (int)(requests >> 8) + i)) break;
        }

        ring.Publish();
        if ((room & QueueShape.IsHeld) == 0) Serve();
    }

    // False where the device had to be reset.
    private bool Serve()
    {
        if (_serving.TryServe()) return true;
        Start(_wanted);
        return false;
    }

    private void ResetQueue(int how, int size)
    {
        var transport = _machine.Transport;
        transport.Set(MmioRegister.QueueSel, QueueMachine.RequestQueue);
        transport.Set(MmioRegister.QueueReset, 1);
        for (int looks = 0; transport.Get(MmioRegister.QueueReset) != 0 && looks < Looks; looks++)
        {
        }

        _serving.TakeIn();
        if ((how & QueueShape.KnocksMeanwhile) != 0) _serving.KnockInVain("CORE-VQRESET-D-01", "while the queue is reset");
        Require(_machine.ReadQueueSize() == _largest, "CORE-VQRESET-D-02", "the size of a queue that was reset is not its largest one");
        if ((how & QueueShape.IsElsewhere) != 0) _place = (_place + 1) % QueueLayout.PlaceCount;
        _size = size;
        bool isMoved = transport.TryMoveQueueVector(QueueMachine.RequestQueue, (how & QueueShape.MovesVector) != 0);
        _serving.UsedNotification = isMoved && (how & QueueShape.MovesVector) != 0 ? QueueServing.Configuration : QueueServing.Used;
        _machine.PlaceQueue(_place, SizeOf(size));
        _serving.Begin();
    }

    private void Suspend(int how)
    {
        var ring = _machine.Ring;
        var transport = _machine.Transport;
        transport.Set(MmioRegister.Status, StatusBits.Live | StatusBits.Suspend);
        if (!Becomes(StatusBits.Suspend, StatusBits.Suspend | StatusBits.DriverOk))
        {
            Require((_machine.Status & StatusBits.NeedsReset) != 0, "CORE-SUSPEND-D-06", "the device does not suspend");
            Start(_wanted);
            return;
        }

        // What was on its way came back before the status said so.
        _serving.TakeIn();
        _machine.TakeNotifications();
        int changed = _machine.ReadConfig(_machine.Offered & _machine.Negotiated);
        if (changed >= 0) Break("CORE-SUSPEND-D-03", $"the configuration changes while the device is suspended, at offset {changed}");
        bool isTold = ChangeBypass(how);
        bool isBroken = (how & QueueShape.KnocksMeanwhile) != 0;
        if (isBroken) _serving.KnockInVain("CORE-SUSPEND-D-03", "while the device is suspended");
        int position = ring.DevicePosition;
        Require((_machine.Status & StatusBits.Suspend) != 0 && ring.DevicePosition == position, "CORE-SUSPEND-D-08", "a buffer is used after the device has suspended");

        transport.Set(MmioRegister.Status, StatusBits.Live | StatusBits.Suspend);
        bool isRunning = Becomes(StatusBits.DriverOk, StatusBits.Suspend | StatusBits.DriverOk);
        Require(isRunning || (_machine.Status & StatusBits.NeedsReset) != 0, "CORE-SUSPEND-D-07", "the device does not resume");
        if (isRunning && isTold) Require((_machine.TakeNotifications() & QueueServing.Configuration) != 0, "CORE-SUSPEND-D-05", "no notification comes of a change of the configuration while the device was suspended");
        if (isBroken || !isRunning) Start(_wanted);
        else Serve();
    }

    // Whether the device owes a notification of it.
    private bool ChangeBypass(int how)
    {
        if ((_machine.Offered & Features.BypassConfig) == 0) return false;
        byte before = _machine.ReadBypass();
        if ((how & QueueShape.WritesBypass) != 0)
        {
            _isBypassChanged = true;
            _machine.Transport.WriteConfig(IommuConfig.BypassOffset, 1, (ulong)(before ^ 1));
            Require(_machine.ReadBypass() == before, "CORE-SUSPEND-D-02", "a write of bypass has an effect while the device is suspended (SHOULD)");
        }

        if ((how & QueueShape.ChangesBypass) == 0) return false;
        _isBypassChanged = true;
        _machine.Transport.ChangeBypass((before & 1) == 0);
        Require((_machine.TakeNotifications() & QueueServing.Configuration) == 0, "CORE-SUSPEND-D-04", "a change of the configuration is notified of while the device is suspended");
        return true;
    }

    private void Malform(int kind)
    {
        var ring = _machine.Ring;
        if (ring.Outstanding > 0 || !ring.HasRoom(3)) return;
        _machine.TakeNotifications();
        ring.AddMalformed(_machine.Put(QueueRequests.Knock, 0, 0)!, kind);
        ring.Publish();
        _machine.Notify();
        if (!NeedsReset())
        {
            // What became of that is the device's affair; one that goes on serves the next.
            _serving.Fill = NotAnAnswer;
            if (!_serving.TryAdd(QueueRequests.Knock, Requests.TailSize, CutKind.Plain, 0)) return;
            ring.Publish();
            _machine.Notify();
            Require(_serving.LastAnswer[0] != NotAnAnswer || NeedsReset(), "CORE-STATUS-D-02", "after a malformed buffer the device serves nothing, and does not say that it needs a reset (SHOULD)");
        }

        Start(_wanted);
    }

    private bool NeedsReset()
    {
        if ((_machine.Status & StatusBits.NeedsReset) == 0) return false;
        Require((_machine.TakeNotifications() & QueueServing.Configuration) != 0, "CORE-STATUS-D-03", "DEVICE_NEEDS_RESET is set, and no configuration change notification comes");
        return true;
    }

    private int SizeOf(int number) => (int)Math.Min(_machine.IsPacked ? 1 + (uint)(number % QueueLayout.LargestSize) : 1u << (number % 7), Math.Max(1, _largest));

    private bool Becomes(uint status, uint mask)
    {
        for (int looks = 0; looks < Looks; looks++)
        {
            if ((_machine.Status & mask) == status) return true;
        }

        return false;
    }

    private void Require(bool holds, string clause, string message)
    {
        if (!holds) Break(clause, message);
    }

    [DoesNotReturn]
    private void Break(string clause, string message) => _serving.Break(clause, message);
}
