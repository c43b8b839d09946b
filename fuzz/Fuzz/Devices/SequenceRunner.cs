using System.Buffers.Binary;
using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Afl;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;
using Viommu.Guest;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Qemu;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// Runs programs of the <c>sequence</c> target on a device outside of this process, and on a fresh one after it has ended. Every answer, access
/// and report is judged by the spec oracle.
/// </summary>
/// <param name="open">Starts such a device.</param>
/// <param name="transcript">Where what is done to it is kept; null where it is not.</param>
/// <param name="edges">Where its process counts the edges that it takes; null where it does not.</param>
/// <remarks>
/// With what a campaign knows, programs are scouted: requests that follow each other go out with one ring of the doorbell, known deviations
/// do not end the program, and requests that are known to end the device are left out. Without it they are replayed: one request at a time,
/// to the first deviation.
/// </remarks>
internal sealed partial class SequenceRunner(Func<ProgramBench> open, QtestTranscript? transcript = null, AflCounters? edges = null) : ProgramRunner(edges)
{
    private const int ReportSize = 24;

    private readonly SequenceStates _states = new();
    private readonly ulong[] _landed = new ulong[SequenceShape.MaximumDma];
    private readonly byte[] _requests = new byte[SequenceShape.MaximumSteps * SequenceTarget.LongestRequest];
    private readonly BenchProcess<ProgramBench> _process = new(open);
    private SpecOracle? _oracle;

    // The device has answered in another order than it was asked: then it is asked no more than one thing at a time.
    private bool _isOneByOne;

    /// <inheritdoc/>
    public override TargetIdentity Identity => Bench.Identity;

    /// <inheritdoc/>
    public override InputShape Shape => SequenceShape.Shape;

    /// <inheritdoc/>
    public override int StateCount => SequenceStates.Count;

    /// <inheritdoc/>
    public override int Deaths => _process.Deaths;

    /// <inheritdoc/>
    protected override int Starts => _process.Starts;

    /// <inheritdoc/>
    protected override long RoundTrips => _process.RoundTrips;

    private ProgramBench Bench => _process.Bench;

    private bool IsScouting => Course.Knowledge is not null;

    /// <inheritdoc/>
    public override void Dispose()
    {
        _process.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override void RunSteps(ReadOnlySpan<byte> input)
    {
        try
        {
            Begin(input);
            Edges?.Begin();
            int steps = SequenceShape.Shape.RecordsIn(input.Length);
            Course.Observations.Operations = steps;
            for (int i = 0; i < steps && !Course.IsOver; i++)
                Run(i, input.Slice(SequenceShape.HeaderSize + (i * SequenceShape.StepSize), SequenceShape.StepSize));
            if (!Course.IsOver) Flush();
            Edges?.End();
            (Course.Between, Course.Operation) = (OracleClause.DescIommu01, "clean-up");
            transcript?.Close();
            _process.Running?.CleanUp();
        }
        catch (Exception end) when (end is TargetDiedException or TargetHungException)
        {
            Ended(end, Course.Between, Course.Operation);
        }
        catch (DeviceViolationException refusal)
        {
            // Nobody knows what state such a device is in: what comes next runs on another.
            _process.End();
            Course.Refused(refusal);
        }
        catch (GuestSetupException failure)
        {
            // An adapter that does not do its part: of the device nothing can be said.
            throw new TargetUnavailableException(failure.Message, failure);
        }
    }

    private void Begin(ReadOnlySpan<byte> input)
    {
        GetOn();
        (Course.Between, Course.Operation) = (OracleClause.DescIommu01, "reset");
        ulong features = BinaryPrimitives.ReadUInt64LittleEndian(input);
        if (!Bench.TryPrepare(features))
        {
            _process.PutAway();
            Bench.TryPrepare(features);
        }

        _oracle ??= new(Bench.Facts);
        _oracle.Restart(Bench.Facts, Bench.Facts.InitialBypass);
        _states.Begin();
    }

    private void Run(int index, ReadOnlySpan<byte> step)
    {
        GetOn();
        transcript?.BeginStep(index);
        Course.Observations.Story?.Begin(index);
        var kind = (StepKind)(step[0] % SequenceShape.KindCount);
        if (kind <= StepKind.Raw)
        {
            Send(index, kind, step);
            return;
        }

        Flush();
        if (Course.IsOver) return;
        Course.Operation = SequenceShape.Shape.Kinds[(int)kind].Name;
        Course.Between = kind is StepKind.DmaRead or StepKind.DmaWrite ? OracleClause.DescIommu13 : OracleClause.DescIommu01;
        switch (kind)
        {
            case StepKind.DmaRead or StepKind.DmaWrite:
                uint endpoint = Bench.EndpointOf(BinaryPrimitives.ReadUInt32LittleEndian(step[SequenceShape.DmaEndpoint..]));
                ulong at = BinaryPrimitives.ReadUInt64LittleEndian(step[SequenceShape.DmaAddress..]);
                Access(index, kind, endpoint, at, 1 + (step[SequenceShape.DmaLength] % SequenceShape.MaximumDma));
                break;
            case StepKind.WriteBypass:
                WriteBypass(index, step[SequenceShape.BodyOffset]);
                break;
            default:
                Reset(index, kind, BinaryPrimitives.ReadUInt64LittleEndian(step[SequenceShape.ResetFeatures..]));
                break;
        }
    }

    private void Send(int index, StepKind kind, ReadOnlySpan<byte> step)
    {
        var room = _requests.AsSpan(index * SequenceTarget.LongestRequest, SequenceTarget.LongestRequest);
        int length = Encode(kind, step, room).Length;
        byte type = length == 0 ? (byte)0 : room[0];
        int writable = BinaryPrimitives.ReadUInt16LittleEndian(step[SequenceShape.WritableOffset..]);
        if (writable == SequenceShape.NaturalWritable) writable = Requests.TailSize + (type == RequestLayout.Probe ? (int)Bench.Facts.ProbeSize : 0);
        writable = Math.Min(writable, RequestMachine.MaximumWritable);
        var framing = (Framing)(step[SequenceShape.FramingOffset] % 4);
        // A chain without descriptors is none.
        if (length + writable == 0) return;
        var likeness = RequestClass.Of(room[..length], writable, framing, Bench.Facts);
        if (Course.Knowledge is { } known)
        {
            if (known.IsFatal(likeness))
            {
                Course.PassedOver.Add(index);
                return;
            }

            known.Sent++;
        }
        else if (Course.Avoided is { } avoided && avoided.Complete(likeness))
        {
            Course.IsOver = true;
            return;
        }

        // One request at a time, or nobody listens: nothing is on its way that could change what is right.
        if (Course.Observations.Story is { } story) Telling.Expect(story, _oracle!, new RequestView(room[..length], writable));
        Bench.Put(room[..length], writable, framing);
        Course.Sent.Add(new(index, kind, type, length, writable, framing, Course.Classes.Count));
        Course.Classes.Add(likeness);
        if (!IsScouting || _isOneByOne || !Bench.Rings.HasRoom) Flush();
    }

    private ReadOnlySpan<byte> Encode(StepKind kind, ReadOnlySpan<byte> step, Span<byte> room)
    {
        var request = SequenceTarget.Encode(kind, step, room);
        int endpoint = kind is StepKind.Attach or StepKind.Detach ? 8 : kind == StepKind.Probe ? 4 : -1;
        if (endpoint >= 0) BinaryPrimitives.WriteUInt32LittleEndian(room[endpoint..], Bench.EndpointOf(BinaryPrimitives.ReadUInt32LittleEndian(room[endpoint..])));
        return request;
    }

    private void Flush()
    {
        if (Course.Sent.Count == 0) return;
        Exception? end = null;
        try
        {
            Bench.Ring();
        }
        catch (Exception gone) when (gone is TargetDiedException or TargetHungException)
        {
            end = gone;
        }

        int returned = 0;
        while (returned < Course.Sent.Count && Bench.Rings.HasNext) TakeAnswer(Course.Sent[returned++]);
        if (!Course.IsOver && returned < Course.Sent.Count) NotReturned(Course.Sent[returned], end);
        else if (end is not null) EndedBehind(Course.Sent, end);
        Course.Sent.Clear();
    }

    private ReadOnlySpan<byte> RequestOf(in SentRequest sent) => _requests.AsSpan(sent.Index * SequenceTarget.LongestRequest, sent.Length);

    private void TakeAnswer(in SentRequest sent)
    {
        uint used = Bench.Rings.Take(out bool isInOrder, out bool isGuarded);
        if (Course.IsOver) return;
        string operation = Course.Classes[sent.Class].Operation;
        if (!isInOrder) OutOfOrder(operation);
        else if (used > (uint)sent.Writable) Course.Found(sent.Index, ProgramCourse.Broken("used-length-within-writable", operation, "the used length exceeds the writable part"));
        else if (!isGuarded) Course.Found(sent.Index, ProgramCourse.Broken("nothing-else-is-written", operation, "bytes beside the writable part were written"));
        else JudgeAnswer(sent, new AnswerView(Bench.Rings.Reply, used), operation);
        if (Course.Observations.Story is { } story) Telling.Saw(story, new RequestView(RequestOf(sent), sent.Writable), Bench.Rings.Reply, used, (int)Bench.Facts.ProbeSize);
        Observe(sent, (int)Math.Min(used, (uint)sent.Writable));
    }

    private void Observe(in SentRequest sent, int used)
    {
        Saw((ulong)used);
        foreach (byte value in Bench.Rings.Reply) Saw(value);
        int answer = SequenceStates.AnswerOf(sent.Type, used, Bench.Rings.Reply, (int)Bench.Facts.ProbeSize);
        _states.Answered(sent.Type, RequestOf(sent), answer, Course.Observations);
        _states.Step(sent.Kind, answer, (int)sent.Framing, Course.Observations);
    }

    // While scouting there is no trace to compare: what is left out of a program changes with what the campaign learns.
    private void Saw(ulong value)
    {
        if (!IsScouting) Course.Observations.Saw(value);
    }

    // Two requests that are on their way together may come back in any order; one alone names itself.
    private void OutOfOrder(string operation)
    {
        Course.IsOver = true;
        if (!IsScouting || _isOneByOne)
        {
            Course.Finding = ProgramCourse.Broken("used-id-is-the-head", operation, "the used element names another chain");
            return;
        }

        (_isOneByOne, Course.HasLearned) = (true, true);
        Course.Knowledge!.OutOfOrder++;
    }

    private void NotReturned(in SentRequest sent, Exception? end)
    {
        string operation = Course.Classes[sent.Class].Operation;
        Course.IsFatal = true;
        Course.Classes.RemoveRange(sent.Class + 1, Course.Classes.Count - sent.Class - 1);
        Course.PassedOver.Add(sent.Index);
        var view = new RequestView(RequestOf(sent), sent.Writable);
        if (end is not null)
        {
            Ended(end, _oracle!.BrokenByDeath(view), operation);
            return;
        }

        if (Course.Observations.Story is { } story) Telling.Saw(story, view, default, used: -1, probeSize: 0);
        JudgeAnswer(sent, AnswerView.NotReturned, operation);
        _states.Step(sent.Kind, SequenceStates.NeedsReset, (int)sent.Framing, Course.Observations);
        Course.IsOver = true;
    }

    // The device has returned what it was asked, and is gone all the same. Of one request that is the doing.
    private void EndedBehind(IReadOnlyList<SentRequest> sent, Exception end)
    {
        string operation = "doorbell";
        if (sent is [var only] && !Course.IsOver)
        {
            operation = Course.Classes[only.Class].Operation;
            Course.IsFatal = true;
            Course.PassedOver.Add(only.Index);
        }

        Ended(end, OracleClause.OpsD01, operation);
    }

    private void JudgeAnswer(in SentRequest sent, in AnswerView answer, string operation)
    {
        bool isSure = !_oracle!.IsUncertain;
        Judge(sent.Index, _oracle.Judge(new RequestView(RequestOf(sent), sent.Writable), answer), operation, isSure);
    }

    private void Judge(int index, in Judgement judgement, string operation, bool isSure = true)
    {
        if (!judgement.IsDeviation || Course.IsOver) return;
        // Something is broken, but which clause depends on which of several states the device was in, and from here on the state is a guess:
        // no accusation is built on that. What a scout sees behind it has to show without it.
        if (!isSure)
        {
            if (Course.Knowledge is { } known) known.Unsure++;
            else Course.IsOver = true;
            Course.PassedOver.Add(index);
            return;
        }

        var broken = Deviation.From(judgement, operation);
        Course.Found(index, new(new(broken.Rule, "", "", broken.State), broken.Message, ""));
    }

    private void Ended(Exception end, OracleClause clause, string operation)
    {
        _process.End();
        Course.Ended(end, clause.Id(), operation, $"{operation} breaks {clause.Id()} ({clause.Level()})");
    }
}
