using System.Buffers.Binary;
using System.Globalization;
using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Afl;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Rings;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// Runs programs of the ring targets on a real device, the same as in this process: what a driver writes and when it notifies. A program ends
/// with the first thing that is broken, known or not.
/// </summary>
/// <param name="device">The device.</param>
/// <param name="format">Of its rings.</param>
/// <param name="edges">Where its process counts the edges that it takes; null where it does not.</param>
internal sealed class RingRunner(IRingDevice device, RingFormat format, AflCounters? edges = null) : ProgramRunner(edges)
{
    private const int AccessLength = 4;

    private readonly RingJudge _judge = new(format);
    private RingWriter? _writer;
    private RingLitter _litter = RingLitter.Anything;

    /// <inheritdoc/>
    public override TargetIdentity Identity => device.Identity;

    /// <inheritdoc/>
    public override InputShape Shape { get; } = RingShape.For(format.IsPacked);

    /// <inheritdoc/>
    public override int StateCount => RingStates.Count;

    /// <inheritdoc/>
    public override int Deaths => device.Deaths;

    /// <inheritdoc/>
    protected override int Starts => device.Starts;

    /// <inheritdoc/>
    protected override long RoundTrips => device.RoundTrips;

    private Story? Story => Course.Observations.Story;

    /// <inheritdoc/>
    public override void Dispose()
    {
        device.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override void RunSteps(ReadOnlySpan<byte> input)
    {
        try
        {
            Begin(input);
            Edges?.Begin();
            int steps = Shape.RecordsIn(input.Length);
            Course.Observations.Operations = steps;
            for (int i = 0; i < steps && !Course.IsOver; i++)
            {
                GetOn();
                device.BeginStep(i);
                Story?.Begin(i);
                Run(input.Slice(RingShape.HeaderSize + (i * RingShape.StepSize), RingShape.StepSize));
            }

            if (_judge.Untold is { } untold) Found(untold);
        }
        catch (BrokenInvariantException broken)
        {
            Found(broken);
        }
        catch (Exception end) when (end is TargetDiedException or TargetHungException)
        {
            Ended(end);
        }
        catch (DeviceViolationException refusal)
        {
            // Nobody knows what state such a device is in: what comes next runs on another.
            device.End();
            Course.Refused(refusal);
        }
    }

    private void Found(BrokenInvariantException broken) => Course.FoundAtTheEnd(ProgramCourse.Broken(broken.Rule, broken.State, broken.Message));

    private void Begin(ReadOnlySpan<byte> input)
    {
        GetOn();
        Course.Operation = "reset";
        var litter = _litter;
        _litter = RingLitter.Anything;
        var place = device.Start(BinaryPrimitives.ReadUInt64LittleEndian(input), 1 << (input[RingShape.SizeOffset] % 5), litter);
        _judge.Begin(place, device.Facts, device.IsBypassed);
        _writer ??= format.NewWriter(_judge.Memory, new(device.Endpoint));
        _writer.Begin(place);
    }

    private void Run(ReadOnlySpan<byte> step)
    {
        if (!_writer!.Carry(step)) _judge.Doubt();
        var kind = RingWriter.KindOf(step);
        if (kind is RingStep.Notify or RingStep.Submit) Act(RingWriter.QueueOf(step), at: null);
        else if (kind == RingStep.Provoke) Act(queue: 1, RingWriter.AddressOf(step));
        _litter = _judge.Litter;
    }

    // Notifies the device of a queue, or has an endpoint make an access.
    private void Act(int queue, ulong? at)
    {
        _litter = RingLitter.Anything;
        Course.Operation = at is null ? "notify" : "provoke";
        _judge.Foresee(queue, isNotification: at is null);
        int due = _judge.Due.Count;
        if (IsToBeLeftOut()) return;
        if (Story is not null) Expect(due);
        if (at is { } address) _judge.Accessed(device.FaultingEndpoint, address, AccessLength);
        bool needsReset = at is { } read ? device.Provoke(read, _judge.Memory) : device.Notify(queue, _judge.Memory, _judge.IsServed);
        var (trust, fault) = (_judge.Trust, _judge.Fault);
        try
        {
            _judge.Judge(needsReset);
        }
        finally
        {
            if (Story is { } story) Saw(story, needsReset);
            Observe(queue, due, needsReset, trust, fault);
        }
    }

    // What is known to end the device is not shown to it; what stands in the ring already cannot be taken back, so the program is over.
    private bool IsToBeLeftOut()
    {
        foreach (var likeness in _judge.Classes)
        {
            if (Course.Knowledge is { } known ? known.IsFatal(likeness) : Course.Avoided is { } avoided && avoided.Complete(likeness)) Course.IsOver = true;
        }

        if (Course.IsOver) return true;
        if (Course.Knowledge is not null) Course.Knowledge.Sent += _judge.Due.Count;
        Course.Classes.AddRange(_judge.Classes);
        return false;
    }

    private void Expect(int due)
    {
        if (_judge.Trust != RingTrust.Exact) Story!.Expect($"anything ({_judge.Fault}) but an end, a hang, or writes beyond what descriptors name");
        else if (due == 1) Telling.Expect(Story!, _judge.Oracle, _judge.Due[0].Request);
        else Story!.Expect(string.Create(CultureInfo.InvariantCulture, $"{due} requests are used"));
    }

    private void Saw(Story story, bool needsReset)
    {
        foreach (var returned in _judge.Returned) Telling.Saw(story, returned.Chain.Request, returned.Reply, returned.Length, (int)device.Facts.ProbeSize);
        if (needsReset) story.Saw("DEVICE_NEEDS_RESET");
    }

    private void Observe(int queue, int due, bool needsReset, RingTrust trust, RingFault fault)
    {
        var observations = Course.Observations;
        RingStates.Notified(queue, fault, due, needsReset, trust, observations);
        foreach (var returned in _judge.Returned) RingStates.Answered(returned, (int)device.Facts.ProbeSize, observations);
        if (Course.Knowledge is { } known)
        {
            // While scouting there is no trace to compare: what is left out of a program changes with what the campaign learns.
            known.Unsure += _judge.TakeUnsure();
            return;
        }

        observations.Saw(needsReset ? 1UL : 0);
        foreach (var returned in _judge.Returned)
        {
            observations.Saw(returned.Length);
            foreach (byte value in returned.Reply) observations.Saw(value);
        }
    }

    private void Ended(Exception end)
    {
        Course.IsFatal = Course.Classes.Count > 0;
        int due = _judge.Due.Count + _judge.Returned.Count;
        device.ReadMemory(_judge.Memory);
        device.End();
        if (Course.Operation == "reset")
        {
            Course.IsFatal = false;
            Course.Ended(end, OracleClause.DescIommu01.Id(), Course.Operation, $"{Course.Operation} breaks {OracleClause.DescIommu01.Id()}");
            return;
        }

        var death = _judge.BrokenByDeath();
        // Requests behind the one that was the end of the device had no part in it.
        if (death.Culprit is { } culprit) Course.Classes.RemoveRange(Course.Classes.Count - due + culprit + 1, due - culprit - 1);
        Course.Ended(end, death.Rule, death.Operation, $"{death.Operation} breaks {death.Rule}", isOfRing: death.Culprit is null);
    }
}
