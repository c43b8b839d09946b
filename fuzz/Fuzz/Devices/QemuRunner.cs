using System.Buffers.Binary;
using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Qemu;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// Runs programs of the <c>sequence</c> target on a QEMU, and on a fresh one after it has ended. Every answer, access and report is judged
/// by the spec oracle.
/// </summary>
/// <remarks>
/// With what a campaign knows, programs are scouted: requests that follow each other go out with one ring of the doorbell, known deviations
/// do not end the program, and requests that are known to end the device are left out. Without it they are replayed: one request at a time,
/// to the first deviation.
/// </remarks>
internal sealed class QemuRunner(QemuTargetSource source) : IDisposable
{
    private const int ReportSize = 24;

    private readonly SequenceStates _states = new();
    private readonly ulong[] _landed = new ulong[SequenceShape.MaximumDma];
    private readonly byte[] _requests = new byte[SequenceShape.MaximumSteps * SequenceTarget.LongestRequest];
    private readonly List<Sent> _sent = new(SequenceShape.MaximumSteps);
    private readonly List<int> _passedOver = [];
    private readonly List<RequestClass> _classes = new(SequenceShape.MaximumSteps);
    private readonly QemuProcess _process = new(source);
    private SpecOracle? _oracle;
    private Observations _observations = new(SequenceStates.Count);
    private QemuKnowledge? _knowledge;
    private FatalSequences? _avoided;
    private long _progress;
    private Finding? _finding;
    private bool _isOver;
    private bool _isOneByOne;

    // What is broken if the process ends where no request is on its way, and what it was doing.
    private OracleClause _between;
    private string _operation = "";

    /// <summary>Steps of the last program that were left out, or whose deviation is known.</summary>
    public IReadOnlyList<int> PassedOver => _passedOver;

    /// <summary>True where a request was the end of the device in the last program.</summary>
    public bool IsFatal { get; private set; }

    /// <summary>True where the last program would run differently now: of what ended it, more is known.</summary>
    public bool HasLearned { get; private set; }

    /// <summary>The requests of the last program that were sent, up to its end.</summary>
    public IReadOnlyList<RequestClass> Classes => _classes;

    /// <summary>Processes that ended, hung, or did not do what every program begins with.</summary>
    public int Deaths => _process.Deaths;

    /// <summary>Counts up with each step, none of which takes long whatever the device does. Read from any thread.</summary>
    public long Progress => Volatile.Read(ref _progress) + _process.Starts;

    /// <summary>Name and version of the device; a QEMU is started where none runs.</summary>
    public TargetIdentity Identity => Bench.Identity;

    private QemuBench Bench => _process.Bench;

    private bool IsScouting => _knowledge is not null;

    /// <summary>Scouts a program; null where nothing is broken, or nothing but what is known.</summary>
    public Finding? Scout(ReadOnlySpan<byte> input, Observations observations, QemuKnowledge knowledge)
    {
        knowledge.Begin();
        long before = _process.RoundTrips;
        var finding = Run(input, observations, knowledge, avoided: null);
        knowledge.Cost = (knowledge.Cost.Programs + 1, knowledge.Cost.RoundTrips + _process.RoundTrips - before);
        return finding;
    }

    /// <summary>Replays a program; null where nothing is broken. Where a request would complete one of the sequences to be avoided, it ends before it.</summary>
    public Finding? Replay(ReadOnlySpan<byte> input, Observations observations, FatalSequences? avoided)
    {
        avoided?.Restart();
        return Run(input, observations, knowledge: null, avoided);
    }

    /// <inheritdoc/>
    public void Dispose() => _process.Dispose();

    private void GetOn() => Volatile.Write(ref _progress, _progress + 1);

    private Finding? Run(ReadOnlySpan<byte> input, Observations observations, QemuKnowledge? knowledge, FatalSequences? avoided)
    {
        (_observations, _knowledge, _avoided, _finding, _isOver, IsFatal, HasLearned) = (observations, knowledge, avoided, null, false, false, false);
        _passedOver.Clear();
        _classes.Clear();
        _sent.Clear();
        if (input.Length < SequenceShape.HeaderSize) return null;
        try
        {
            Begin(input);
            int steps = SequenceShape.Shape.RecordsIn(input.Length);
            observations.Operations = steps;
            for (int i = 0; i < steps && !_isOver; i++)
                Run(i, input.Slice(SequenceShape.HeaderSize + (i * SequenceShape.StepSize), SequenceShape.StepSize));
            if (!_isOver) Flush();
            (_between, _operation) = (OracleClause.DescIommu01, "clean-up");
            _process.Running?.CleanUp();
        }
        catch (Exception end) when (end is TargetDiedException or TargetHungException)
        {
            Ended(end, _between, _operation);
        }
        catch (DeviceViolationException refusal)
        {
            Refused(refusal);
        }

        return _finding;
    }

    private void Begin(ReadOnlySpan<byte> input)
    {
        GetOn();
        (_between, _operation) = (OracleClause.DescIommu01, "reset");
        Bench.Prepare(BinaryPrimitives.ReadUInt64LittleEndian(input));
        _oracle ??= new(Bench.Facts);
        _oracle.Restart(Bench.Facts, Bench.Facts.InitialBypass);
        _states.Begin();
    }

    private void Run(int index, ReadOnlySpan<byte> step)
    {
        GetOn();
        var kind = (StepKind)(step[0] % SequenceShape.KindCount);
        if (kind <= StepKind.Raw)
        {
            Send(index, kind, step);
            return;
        }

        Flush();
        if (_isOver) return;
        _operation = SequenceShape.Shape.Kinds[(int)kind].Name;
        _between = kind is StepKind.DmaRead or StepKind.DmaWrite ? OracleClause.DescIommu13 : OracleClause.DescIommu01;
        switch (kind)
        {
            case StepKind.DmaRead or StepKind.DmaWrite:
                uint endpoint = EndpointOf(BinaryPrimitives.ReadUInt32LittleEndian(step[SequenceShape.DmaEndpoint..]));
                ulong at = BinaryPrimitives.ReadUInt64LittleEndian(step[SequenceShape.DmaAddress..]);
                Access(index, kind, endpoint, at, 1 + (step[SequenceShape.DmaLength] % SequenceShape.MaximumDma));
                break;
            case StepKind.WriteBypass:
                if (!Bench.HasBypassField) break;
                bool goesOn = Bench.WriteBypass(step[SequenceShape.BodyOffset]);
                Judge(index, _oracle!.JudgeBypass(Bench.ReadBypass()), _operation);
                // A device may take a value that is no driver's to write for a broken driver.
                if (!goesOn) _isOver = true;
                _states.Step(kind, 0, 0, _observations);
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
        if (_knowledge is { } known)
        {
            if (known.IsFatal(likeness))
            {
                _passedOver.Add(index);
                return;
            }

            known.Sent++;
        }
        else if (_avoided is { } avoided && avoided.Complete(likeness))
        {
            _isOver = true;
            return;
        }

        Bench.Put(room[..length], writable, framing);
        _sent.Add(new(index, kind, type, length, writable, framing, _classes.Count));
        _classes.Add(likeness);
        if (!IsScouting || _isOneByOne) Flush();
    }

    private ReadOnlySpan<byte> Encode(StepKind kind, ReadOnlySpan<byte> step, Span<byte> room)
    {
        var request = SequenceTarget.Encode(kind, step, room);
        int endpoint = kind is StepKind.Attach or StepKind.Detach ? 8 : kind == StepKind.Probe ? 4 : -1;
        if (endpoint >= 0) BinaryPrimitives.WriteUInt32LittleEndian(room[endpoint..], EndpointOf(BinaryPrimitives.ReadUInt32LittleEndian(room[endpoint..])));
        return request;
    }

    // Programs name the endpoints of the reference device's machine. The third is a function that makes no accesses here.
    private uint EndpointOf(uint number) => number switch
    {
        TestBed.FirstEndpoint => Bench.Facts.Endpoints[0].Id,
        TestBed.SecondEndpoint => Bench.Facts.Endpoints[1].Id,
        TestBed.ThirdEndpoint => QemuBench.SilentEndpoint,
        TestBed.NoEndpoint => QemuBench.NoEndpoint,
        _ => number,
    };

    private void Flush()
    {
        if (_sent.Count == 0) return;
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
        while (returned < _sent.Count && Bench.HasNext) TakeAnswer(_sent[returned++]);
        if (!_isOver && returned < _sent.Count) NotReturned(_sent[returned], end);
        else if (end is not null) Ended(end, OracleClause.OpsD01, "doorbell");
        _sent.Clear();
    }

    private ReadOnlySpan<byte> RequestOf(in Sent sent) => _requests.AsSpan(sent.Index * SequenceTarget.LongestRequest, sent.Length);

    private void TakeAnswer(in Sent sent)
    {
        uint used = Bench.Take(out bool isInOrder, out bool isGuarded);
        if (_isOver) return;
        string operation = _classes[sent.Class].Operation;
        if (!isInOrder) OutOfOrder(operation);
        else if (used > (uint)sent.Writable) Found(sent.Index, Broken("used-length-within-writable", operation, "the used length exceeds the writable part"));
        else if (!isGuarded) Found(sent.Index, Broken("nothing-else-is-written", operation, "bytes beside the writable part were written"));
        else JudgeAnswer(sent, new AnswerView(Bench.Reply, used), operation);
        Observe(sent, (int)used);
    }

    private void Observe(in Sent sent, int used)
    {
        Saw((ulong)used);
        foreach (byte value in Bench.Reply) Saw(value);
        int answer = SequenceStates.AnswerOf(sent.Type, used, Bench.Reply, (int)Bench.Facts.ProbeSize);
        _states.Answered(sent.Type, RequestOf(sent), answer, _observations);
        _states.Step(sent.Kind, answer, (int)sent.Framing, _observations);
    }

    // While scouting there is no trace to compare: what is left out of a program changes with what the campaign learns.
    private void Saw(ulong value)
    {
        if (!IsScouting) _observations.Saw(value);
    }

    // Two requests that are on their way together may come back in any order; one alone names itself.
    private void OutOfOrder(string operation)
    {
        _isOver = true;
        if (!IsScouting || _isOneByOne)
        {
            _finding = Broken("used-id-is-the-head", operation, "the used element names another chain");
            return;
        }

        (_isOneByOne, HasLearned) = (true, true);
        _knowledge!.OutOfOrder++;
    }

    private void NotReturned(in Sent sent, Exception? end)
    {
        string operation = _classes[sent.Class].Operation;
        IsFatal = true;
        _classes.RemoveRange(sent.Class + 1, _classes.Count - sent.Class - 1);
        _passedOver.Add(sent.Index);
        var view = new RequestView(RequestOf(sent), sent.Writable);
        if (end is not null)
        {
            Ended(end, _oracle!.BrokenByDeath(view), operation);
            return;
        }

        JudgeAnswer(sent, AnswerView.NotReturned, operation);
        _states.Step(sent.Kind, SequenceStates.NeedsReset, (int)sent.Framing, _observations);
        _isOver = true;
    }

    private void Access(int index, StepKind kind, uint endpoint, ulong at, int length)
    {
        var landed = _landed.AsSpan(0, length);
        bool isWrite = kind == StepKind.DmaWrite;
        bool isSeen = Bench.Dma.TryAccess(_oracle!, endpoint, at, isWrite, landed);
        if (_knowledge is not null)
        {
            if (isSeen) _knowledge.Accesses++;
            else _knowledge.LeftOut++;
        }

        if (!isSeen) return;
        foreach (ulong place in landed) Saw(place);
        bool isSure = !_oracle!.IsUncertain;
        Judge(index, _oracle.JudgeAccess(endpoint, at, isWrite, landed), _operation, isSure);
        int answer = SequenceStates.AnswerOf(landed);
        if (_states.TryFindDomain(endpoint, out uint domain)) _states.Range(kind, domain, at, unchecked(at + (ulong)length - 1), answer, _observations);
        _states.Step(kind, answer, 0, _observations);

        Span<byte> report = stackalloc byte[ReportSize];
        while (Bench.TryTakeReport(report, out uint used))
        {
            Saw(used);
            foreach (byte value in report) Saw(value);
            Judge(index, _oracle.JudgeReport(report, used), "report");
        }
    }

    private void Reset(int index, StepKind kind, ulong features)
    {
        byte before = Bench.HasBypassField ? Bench.ReadBypass() : (byte)0;
        if (kind == StepKind.SystemReset) Bench.SystemReset();
        Bench.Start(features);
        byte after = Bench.HasBypassField ? Bench.ReadBypass() : (byte)0;
        _oracle!.Start(Bench.Facts, (after & 1) != 0);
        if (Bench.HasBypassField)
        {
            Judge(index, kind == StepKind.DeviceReset
                ? _oracle.JudgeBypass(after, (before & 1) != 0, OracleClause.CfgD04)
                : _oracle.JudgeBypass(after, Bench.Facts.InitialBypass, OracleClause.CfgD05), _operation);
        }

        _states.Reset();
        _states.Step(kind, 0, 0, _observations);
    }

    private void JudgeAnswer(in Sent sent, in AnswerView answer, string operation)
    {
        bool isSure = !_oracle!.IsUncertain;
        Judge(sent.Index, _oracle.Judge(new RequestView(RequestOf(sent), sent.Writable), answer), operation, isSure);
    }

    private void Judge(int index, in Judgement judgement, string operation, bool isSure = true)
    {
        if (!judgement.IsDeviation || _isOver) return;
        // Something is broken, but which clause depends on which of several states the device was in, and from here on the state is a guess:
        // no accusation is built on that. What a scout sees behind it has to show without it.
        if (!isSure)
        {
            if (_knowledge is { } known) known.Unsure++;
            else _isOver = true;
            _passedOver.Add(index);
            return;
        }

        var broken = Deviation.From(judgement, operation);
        Found(index, new(new(broken.Rule, "", "", broken.State), broken.Message, ""));
    }

    private void Found(int index, Finding finding)
    {
        if (IsKnown(finding))
        {
            _passedOver.Add(index);
            return;
        }

        (_finding, _isOver) = (finding, true);
    }

    private void Ended(Exception end, OracleClause clause, string operation)
    {
        string lastWords = end is TargetDiedException died ? died.LastWords : ((TargetHungException)end).LastWords;
        _isOver = true;
        _process.End();
        if (_finding is not null) return;
        var finding = Broken(clause.Id(), $"{operation} {(end is TargetDiedException ? "ends the process" : "hangs")}", $"{operation} breaks {clause.Id()} ({clause.Level()}): {end.Message}") with { Details = lastWords };
        if (!IsKnown(finding)) _finding = finding;
    }

    // Nobody knows what state such a device is in: what comes next runs on another.
    private void Refused(DeviceViolationException refusal)
    {
        _isOver = true;
        _process.End();
        var finding = Broken(refusal.Clause, _operation, $"{_operation} breaks {refusal.Message}; expected: {refusal.Expected}");
        if (_finding is null && !IsKnown(finding)) _finding = finding;
    }

    private bool IsKnown(Finding finding)
    {
        if (_knowledge is not { } known) return false;
        if (!known.IsSettled(finding.Key) && !(IsFatal && known.IsLikeFatal(_classes[^1]))) return known.IsIgnored(finding.Key);
        // Another way to the same end.
        if (IsFatal) HasLearned |= known.Settle(finding.Key, FatalSequences.Blame(_classes));
        return true;
    }

    private static Finding Broken(string rule, string state, string message) => new(new(rule, "", "", state), message, "");

    private readonly record struct Sent(int Index, StepKind Kind, byte Type, int Length, int Writable, Framing Framing, int Class);
}
