using System.Diagnostics.CodeAnalysis;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Guest.Wire;
using StatusBits = Viommu.Fuzz.Machines.StatusBits;

namespace Viommu.Fuzz.Queues;

/// <summary>
/// A driver that makes requests available and judges what comes back: that each is used once, as its twin answers it, that the device notifies
/// as it was asked to, and says of itself what it may.
/// </summary>
internal sealed class QueueServing(QueueMachine machine)
{
    /// <summary>What a transport says of used buffers, and of the configuration.</summary>
    public const uint Used = 1;
    public const uint Configuration = 2;

    private const string Answers = "rings-do-not-change-answers";

    private readonly List<LentRequest> _order = new(QueueLayout.LargestSize);
    private readonly Cutting _cutting = new();

    // Where the driver was when it last thought of a notification.
    private ushort _since;

    /// <summary>Notifies only where the device asks for it.</summary>
    public bool IsQuiet { get; set; }

    /// <summary>What buffers are filled with.</summary>
    public byte Fill { get; set; }

    /// <summary>How the transport says that buffers were used.</summary>
    public uint UsedNotification { get; set; } = Used;

    public Observations? Observations { get; set; }

    /// <summary>The writable part of the request that was added last.</summary>
    public ReadOnlySpan<byte> LastAnswer => machine.WritableOf(_order[^1]);

    private DriverRing Ring => machine.Ring;

    private string RingName => machine.IsPacked ? "packed" : "split";

    /// <summary>The ring is fresh.</summary>
    public void Begin()
    {
        _order.Clear();
        _since = Ring.Position;
    }

    /// <summary>Has so many requests served that the index of a split ring is as far.</summary>
    public void GoFar(ushort far)
    {
        if (Ring is not SplitDriverRing split) return;
        if (!machine.TryGoFar())
        {
            // Whoever comes here another time sees nothing of the way.
            (bool isQuiet, var observations) = (IsQuiet, Observations);
            (IsQuiet, Observations) = (false, null);
            bool isThere = TryLap(far - Ring.Position);
            (IsQuiet, Observations) = (isQuiet, observations);
            if (!isThere) return;
            machine.ShowFar();
        }

        foreach (var request in _order) machine.TakeBack(request);
        split.GoOn(far);
        Begin();
    }

    /// <summary>Has the device serve as many small requests, one buffer each; false where it had to be reset.</summary>
    public bool TryLap(int requests)
    {
        while (requests > 0)
        {
            int added = 0;
            while (added < requests && TryAdd(QueueRequests.Nothing, 0, CutKind.Plain, 0)) added++;
            Ring.Publish();
            if (!TryServe() || added == 0) return false;
            requests -= added;
        }

        return true;
    }

    /// <summary>Makes one request available; false where there is no room.</summary>
    public bool TryAdd(ReadOnlySpan<byte> bytes, int writable, CutKind kind, int seed)
    {
        if (machine.Put(bytes, writable, Fill) is not { } request) return false;
        _cutting.Cut(request, kind, seed, machine.IsPacked, machine.Has(Features.IndirectDesc));
        // No list is longer than the queue (2.7.5.3.1, 2.8.17).
        if (!Ring.HasRoom(_cutting.Entries) || _cutting.Pieces.Length >= Ring.Size + _cutting.Direct) return false;
        request.Clause = ClauseOf(_cutting.Kind);
        machine.Lend(request, _cutting.IsInTable);
        Ring.Add(request, _cutting);
        _order.Add(request);
        return true;
    }

    /// <summary>
    /// Notifies of what was published since the last time, or not where the device does not want to know. False where the device is of no use
    /// before it was reset, and has a right to that.
    /// </summary>
    public bool TryServe()
    {
        bool isTold = !IsQuiet || Ring.WantsNotification(_since);
        _since = Ring.Position;
        // A device can put off what it does not want to be told of until it is told of a later one, or there is no room for any.
        bool isDue = isTold || !Ring.HasRoom(2);
        // Of what a device has served without being told, nobody knows any more when it notified.
        TakeIn();
        machine.TakeNotifications();
        Ring.Expect();
        if (isTold) machine.Notify();
        return TryLook(isDue, isTold ? "" : machine.IsPacked ? "PACKED-SUPPLY-D-02" : machine.Has(Features.EventIdx) ? "SPLIT-AVAILSUPP-D-04" : "SPLIT-AVAILSUPP-D-02");
    }

    /// <summary>Takes in what was used meanwhile, whoever was told of it.</summary>
    public void TakeIn()
    {
        Ring.Expect();
        TakeUsed();
    }

    /// <summary>Makes a request available and notifies when nobody may serve it; the clause where somebody does.</summary>
    public void KnockInVain(string clause, string when)
    {
        machine.TakeNotifications();
        if (!TryAdd(QueueRequests.Knock, QueueRequests.RoomFor(QueueRequests.Knock, 0), CutKind.Plain, 0)) return;
        Ring.Publish();
        int before = Ring.DevicePosition;
        machine.Notify();
        if (Ring.DevicePosition != before) Break(clause, $"a buffer is used {when}");
        if ((machine.TakeNotifications() & UsedNotification) != 0) Break(clause, $"a used buffer notification is sent {when}");
    }

    /// <summary>A clause is broken.</summary>
    [DoesNotReturn]
    public void Break(string clause, string message) => throw new BrokenInvariantException(clause, RingName, message);

    private bool TryLook(bool isDue, string clauseOfQuiet)
    {
        bool needsReset = (machine.Status & StatusBits.NeedsReset) != 0;
        TakeUsed();
        if (Ring.Outstanding > 0 && (needsReset || isDue) && HasLong()) return false;
        if (needsReset) Break(Ring.Outstanding > 0 ? ClauseOfUnserved() : machine.IsPacked ? "well-formed-rings-are-served" : "SPLIT-AVAILSUPP-D-05", "the device needs a reset although everything in the ring is well-formed");
        if (isDue && Ring.Outstanding > 0) Break(clauseOfQuiet.Length > 0 ? clauseOfQuiet : ClauseOfUnserved(), $"{Ring.Outstanding} available buffers stay unused");
        if (Ring.JudgeDeviceFlags() is { } wrong) Break(wrong, "what the device says of its own notifications is not defined");
        if (Ring.Outstanding == 0 && Ring.JudgeRest() is { } overwritten) Break(overwritten, "the device has written over descriptors that are not its own");
        JudgeNotification();
        return true;
    }

    private void JudgeNotification()
    {
        var due = Ring.IsNotificationDue();
        bool isNotified = (machine.TakeNotifications() & UsedNotification) != 0;
        Observations?.Saw(isNotified ? 1UL : 0);
        if (due is not { } isDue || isDue == isNotified) return;
        var (missing, unwanted) = Ring.NotificationClauses;
        if (isDue) Break(UsedNotification == Used ? missing : "CORE-VQENABLE-D-01", $"{Ring.UsedCount} buffers are used, and no notification comes");
        Break(unwanted, $"{Ring.UsedCount} buffers are used, and a notification comes that the driver does not want (SHOULD)");
    }

    private void TakeUsed()
    {
        while (Ring.TryReadUsed(out ushort id, out uint length, out bool isWritten))
        {
            if (Ring.Outstanding == 0) Break("used-id-is-of-a-chain", "the device uses more buffers than were available");
            var request = Ring.Find(id);
            if (request is null)
                Break(machine.Has(Features.InOrder) ? "CORE-RSVD-D-05" : machine.IsPacked ? "DESC-PACKED-03" : "DESC-SPLIT-01", "the device uses a buffer that is not available");
            int place = _order.IndexOf(request);
            for (int i = 0; i <= place; i++) machine.Foretell(_order[i]);
            // Sections 2.7.9 and 2.8.8: the last of a batch stands for those before it, which were written to their ends.
            int skipped = machine.Has(Features.InOrder) ? place : 0;
            int entries = request.Entries;
            for (int i = 0; i < skipped; i++)
            {
                Judge(_order[i], (uint)_order[i].WritableLength, machine.IsPacked ? "DESC-PACKED-13" : "DESC-SPLIT-06");
                entries += _order[i].Entries;
            }

            if (machine.IsPacked && isWritten != request.Foretold > 0) Break(request.Clause == Answers ? "DESC-PACKED-05" : request.Clause, "the WRITE flag of a used descriptor is not what was done to the buffer");
            Judge(request, length, request.Clause);
            if (Ring.JudgeOrder(request) is { } late) Break(late, "the device shows an element before everything that goes with it is written");
            Ring.Advance(skipped + 1, entries);
            for (int i = 0; i < skipped; i++) Take(_order[0]);
            Take(request);
            Observations?.Saw(length);
        }
    }

    private void Take(LentRequest request)
    {
        Ring.Take(request);
        machine.TakeBack(request);
        _order.Remove(request);
    }

    private void Judge(LentRequest request, uint length, string clause)
    {
        if (length > (uint)request.WritableLength) Break("used-length-within-writable", "the used length exceeds the writable part");
        if (length != (uint)request.Foretold) Break(clause, $"the used length is {length} where the same request is answered with {request.Foretold} bytes beside the queue");
        if (!machine.WritableOf(request)[..request.Foretold].SequenceEqual(request.Answer.AsSpan(0, request.Foretold))) Break(clause, "a request is answered with other bytes than beside the queue");
    }

    private bool HasLong()
    {
        foreach (var request in _order)
        {
            if (request.IsLong) return true;
        }

        return false;
    }

    private string ClauseOfUnserved() => _order[0].Clause == Answers ? "well-formed-rings-are-served" : _order[0].Clause;

    private string ClauseOf(CutKind kind) => kind switch
    {
        CutKind.Plain => Answers,
        CutKind.Table or CutKind.OddTable => machine.IsPacked ? "DESC-PACKED-06" : "DESC-SPLIT-04",
        CutKind.WritableTable => machine.IsPacked ? "DESC-PACKED-07" : "SPLIT-INDIRECT-D-01",
        CutKind.DirectAndTable => "SPLIT-INDIRECT-D-02",
        _ => machine.IsPacked ? "PACKED-SG-D-01" : "SPLIT-FRAMING-D-01",
    };
}
