using System.Buffers.Binary;
using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Targets.Model;

namespace Viommu.Fuzz.Targets;

/// <summary>
/// Programs of requests, accesses of endpoints, resets and feature choices. Every answer, every access and every report is judged by the
/// spec oracle, and what was mapped is looked at once more at the end, on both sides of its boundaries.
/// </summary>
internal sealed class SequenceTarget(Func<int, IRequestMachine> newMachine) : IFuzzTarget
{
    public static readonly TargetInfo Info = new(
        "sequence", "programs of requests, DMA, resets and feature choices", SequenceShape.Shape, SequenceStates.Count,
        subject => new SequenceTarget(bed => TestBed.NewMachine(subject, bed)))
    {
        Shows = subject => subject.IsOnRing(ModelRing.Split),
        Constants = [.. SpecConstants.Requests, .. SpecConstants.Answers, .. SpecConstants.FeatureBits],
        Seeds = SequenceSeeds.All,
        Format = SequenceFormat.Instance,
    };

    /// <summary>Length of the longest request, in bytes: PROBE.</summary>
    public const int LongestRequest = 72;

    private const int ReportSize = 24;

    // What is looked at again at the end, at most.
    private const int LookedAtAgain = 4;

    private readonly IRequestMachine?[] _machines = new IRequestMachine?[TestBed.Count];
    private readonly SpecOracle?[] _oracles = new SpecOracle?[TestBed.Count];
    private readonly SequenceStates _states = new();
    private readonly ulong[] _landed = new ulong[SequenceShape.MaximumDma];
    private readonly byte[] _request = new byte[LongestRequest];
    private readonly bool[] _isBypassWritten = new bool[TestBed.Count];

    public void Execute(ReadOnlySpan<byte> input, Observations observations)
    {
        if (input.Length < SequenceShape.HeaderSize) return;
        int bed = input[SequenceShape.BedOffset] % TestBed.Count;
        var machine = _machines[bed] ??= newMachine(bed);
        // Nothing of the program before may be there. What a device reset leaves is the bypass field.
        if (_isBypassWritten[bed]) machine.SystemReset();
        _isBypassWritten[bed] = HasBypassWrite(input);
        machine.Begin(BinaryPrimitives.ReadUInt64LittleEndian(input));
        var oracle = _oracles[bed] ??= new(machine.Facts);
        oracle.Restart(machine.Facts, (machine.ReadBypass() & 1) != 0);
        _states.Begin(bed);
        Require(oracle.JudgeOffer(), "offer");

        int steps = SequenceShape.Shape.RecordsIn(input.Length);
        observations.Operations = steps;
        for (int i = 0; i < steps; i++)
        {
            var step = input.Slice(SequenceShape.HeaderSize + (i * SequenceShape.StepSize), SequenceShape.StepSize);
            observations.Story?.Begin(i);
            Run(step, machine, oracle, observations);
        }

        LookAgain(machine, oracle, observations);
    }

    public void Dispose()
    {
        foreach (var machine in _machines) machine?.Dispose();
    }

    /// <summary>The readable bytes of a step that is a request, in <paramref name="room"/> or where they are.</summary>
    public static ReadOnlySpan<byte> Encode(StepKind kind, ReadOnlySpan<byte> step, Span<byte> room)
    {
        if (kind == StepKind.Raw)
        {
            int length = step[SequenceShape.BodyOffset] % (SequenceShape.MaximumRaw + 1);
            step.Slice(SequenceShape.RawBytes, length).CopyTo(room);
            return room[..length];
        }

        byte type = (byte)(kind + 1);
        var request = room[..RequestLayout.SizeOf(type)];
        request.Clear();
        step.Slice(SequenceShape.BodyOffset, Math.Min(SequenceShape.BodySize, request.Length)).CopyTo(request);
        request[0] = type;
        return request;
    }

    private static bool HasBypassWrite(ReadOnlySpan<byte> input)
    {
        for (int i = 0; i < SequenceShape.Shape.RecordsIn(input.Length); i++)
        {
            if ((StepKind)(input[SequenceShape.HeaderSize + (i * SequenceShape.StepSize)] % SequenceShape.KindCount) == StepKind.WriteBypass) return true;
        }

        return false;
    }

    private void Run(ReadOnlySpan<byte> step, IRequestMachine machine, SpecOracle oracle, Observations observations)
    {
        var kind = (StepKind)(step[0] % SequenceShape.KindCount);
        switch (kind)
        {
            case StepKind.DmaRead or StepKind.DmaWrite:
                uint endpoint = BinaryPrimitives.ReadUInt32LittleEndian(step[SequenceShape.DmaEndpoint..]);
                ulong at = BinaryPrimitives.ReadUInt64LittleEndian(step[SequenceShape.DmaAddress..]);
                Access(machine, oracle, endpoint, at, kind == StepKind.DmaWrite, 1 + (step[SequenceShape.DmaLength] % SequenceShape.MaximumDma), observations);
                break;
            case StepKind.WriteBypass:
                machine.WriteBypass(step[SequenceShape.BodyOffset]);
                observations.Story?.Saw($"reads {machine.ReadBypass()}");
                Require(oracle.JudgeBypass(machine.ReadBypass()), "write bypass");
                _states.Step(kind, 0, 0, observations);
                break;
            case StepKind.DeviceReset or StepKind.SystemReset:
                Reset(kind, BinaryPrimitives.ReadUInt64LittleEndian(step[SequenceShape.ResetFeatures..]), machine, oracle, observations.Story);
                _states.Step(kind, 0, 0, observations);
                break;
            default:
                Send(kind, step, machine, oracle, observations);
                break;
        }
    }

    private void Send(StepKind kind, ReadOnlySpan<byte> step, IRequestMachine machine, SpecOracle oracle, Observations observations)
    {
        var request = Encode(kind, step, _request);
        byte type = request.IsEmpty ? (byte)0 : request[0];
        int writable = BinaryPrimitives.ReadUInt16LittleEndian(step[SequenceShape.WritableOffset..]);
        int probeSize = (int)machine.Facts.ProbeSize;
        if (writable == SequenceShape.NaturalWritable) writable = Requests.TailSize + (type == RequestLayout.Probe ? probeSize : 0);
        writable = Math.Min(writable, RequestMachine.MaximumWritable);
        int framing = step[SequenceShape.FramingOffset] % 4;

        if (observations.Story is { } expecting) Telling.Expect(expecting, oracle, new RequestView(request, writable));
        int used = machine.Send(request, writable, (Framing)framing);
        if (observations.Story is { } seeing) Telling.Saw(seeing, new RequestView(request, writable), machine.Reply, used, probeSize);
        var seen = used < 0 ? AnswerView.NotReturned : new AnswerView(machine.Reply, (uint)used, machine.Poison);
        Require(oracle.Judge(new RequestView(request, writable), seen), kind);

        int answer = SequenceStates.AnswerOf(type, used, machine.Reply, probeSize);
        observations.Saw((ulong)used);
        observations.Saw((ulong)answer);
        _states.Answered(type, request, answer, observations);
        _states.Step(kind, answer, framing, observations);
    }

    private void Access(
        IRequestMachine machine, SpecOracle oracle, uint endpoint, ulong at, bool isWrite, int length, Observations observations)
    {
        var landed = _landed.AsSpan(0, length);
        if (observations.Story is { } expecting) Telling.Expect(expecting, oracle, endpoint, at, isWrite, length);
        machine.Access(endpoint, at, isWrite, landed);
        if (observations.Story is { } seeing) Telling.Saw(seeing, landed);
        var kind = isWrite ? StepKind.DmaWrite : StepKind.DmaRead;
        Require(oracle.JudgeAccess(endpoint, at, isWrite, landed), kind);
        int answer = SequenceStates.AnswerOf(landed);
        observations.Saw(landed[0]);
        observations.Saw((ulong)answer);
        if (_states.TryFindDomain(endpoint, out uint domain)) _states.Range(kind, domain, at, unchecked(at + (ulong)length - 1), answer, observations);
        _states.Step(kind, answer, 0, observations);

        Span<byte> report = stackalloc byte[ReportSize];
        while (machine.TryTakeReport(report, out uint used))
        {
            observations.Story?.BeginBeside("a fault report");
            observations.Story?.Saw($"{Convert.ToHexStringLower(report)} used={used}");
            Require(oracle.JudgeReport(report, used), "report");
            observations.Saw(used);
            observations.Saw(BinaryPrimitives.ReadUInt64LittleEndian(report));
        }
    }

    private void Reset(StepKind kind, ulong features, IRequestMachine machine, SpecOracle oracle, Story? story)
    {
        bool before = (machine.ReadBypass() & 1) != 0;
        if (kind == StepKind.SystemReset) machine.SystemReset();
        machine.Start(features);
        byte after = machine.ReadBypass();
        oracle.Start(machine.Facts, (after & 1) != 0);
        story?.Expect($"bypass reads {((kind == StepKind.DeviceReset ? before : machine.Facts.InitialBypass) ? 1 : 0)}");
        story?.Saw($"bypass reads {after}");
        if (kind == StepKind.DeviceReset) Require(oracle.JudgeBypass(after, before, OracleClause.CfgD04), kind);
        else Require(oracle.JudgeBypass(after, machine.Facts.InitialBypass, OracleClause.CfgD05), kind);
        _states.Reset();
    }

    // An effect that no access of the program happened to look at is seen here: first and last byte, and the ones beside them,
    // by two endpoints where the domain has several.
    private void LookAgain(IRequestMachine machine, SpecOracle oracle, Observations observations)
    {
        int count = Math.Min(_states.Mappings.Count, LookedAtAgain);
        for (int i = 0; i < count; i++)
        {
            var (domain, first, last) = _states.Mappings[_states.Mappings.Count - 1 - i];
            if (!_states.TryFindEndpoints(domain, out uint earliest, out uint latest)) continue;
            observations.Story?.Begin($"at the end: endpoint 0x{earliest:x} reads 2 bytes at 0x{unchecked(first - 1):x}");
            Access(machine, oracle, earliest, unchecked(first - 1), isWrite: false, 2, observations);
            observations.Story?.Begin($"at the end: endpoint 0x{latest:x} writes 2 bytes at 0x{last:x}");
            Access(machine, oracle, latest, last, isWrite: true, 2, observations);
        }
    }

    private static void Require(in Judgement judgement, StepKind kind)
    {
        if (judgement.IsDeviation) throw Deviation.From(judgement, SequenceShape.Shape.Kinds[(int)kind].Name);
    }

    private static void Require(in Judgement judgement, string operation)
    {
        if (judgement.IsDeviation) throw Deviation.From(judgement, operation);
    }
}
