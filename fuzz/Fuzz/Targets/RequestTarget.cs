using System.Buffers.Binary;
using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Targets;

/// <summary>
/// The bytes of one request, on a device that has domains and mappings. A request that is refused leaves what is there as it is, which is
/// seen by DMA; after one that is done the machine is brought back to where it was.
/// </summary>
/// <remarks>Input: readable length (1), writable length (2), framing (1), then the bytes of the request.</remarks>
internal sealed class RequestTarget : IFuzzTarget
{
    private static readonly ulong[] _writables = [0, 3, 4, 4, 4, 4, 5, TestBed.ProbeSize - 1, TestBed.ProbeSize, TestBed.ProbeSize + 3, TestBed.ProbeSize + 4, TestBed.ProbeSize + 4, TestBed.ProbeSize + 5, 1024];

    public static readonly TargetInfo Info = new(
        "request", "the bytes of one request, against domains and mappings that are there", NewShape(), TypeCount * AnswerCount * FramingCount,
        subject => new RequestTarget(subject))
    {
        Constants = [.. SpecConstants.Requests, .. SpecConstants.Answers],
        Seeds = Seeds,
        Format = RequestFormat.Instance,
    };

    private const int HeaderSize = 4;
    private const int RecordSize = 76;
    private const int TypeCount = 7;
    private const int AnswerCount = 11;
    private const int FramingCount = 4;
    private const int Unanswered = 10;
    private const int ReportSize = 24;
    private const int FaultsOneIn = 16;

    /// <summary>What the machine is set up with.</summary>
    public static IReadOnlyList<byte[]> SetUpRequests => _setUpRequests;

    private static readonly byte[][] _setUpRequests =
    [
        Requests.Attach(1, TestBed.FirstEndpoint),
        Requests.Attach(2, TestBed.SecondEndpoint, Requests.Bypass),
        Requests.Map(1, 0x1000, 0x1fff, TestBed.Ram, Requests.ReadWrite),
        Requests.Map(1, 0x2000, 0x3fff, TestBed.Ram + 0x1000, Requests.Read),
        Requests.Map(1, 0x8000, 0x8fff, TestBed.Ram + 0x8000, Requests.Write),
    ];

    private readonly RequestMachine _machine;
    private readonly ulong[] _landed = new ulong[16];
    private SpecOracle? _oracle;
    private bool _isSetUp = true;

    private RequestTarget(Subject subject) => _machine = TestBed.NewMachine(subject);

    /// <summary>An input as the request that it stands for.</summary>
    public static DecodedInput Decode(ReadOnlySpan<byte> input)
    {
        if (input.Length < HeaderSize) return default;
        int readable = Math.Min(Math.Min((int)input[0], RequestMachine.MaximumReadable), input.Length - HeaderSize);
        int writable = Math.Min((int)BinaryPrimitives.ReadUInt16LittleEndian(input[1..]), RequestMachine.MaximumWritable);
        return new(input.Slice(HeaderSize, readable), writable, (Framing)(input[3] % FramingCount));
    }

    /// <summary>The input that stands for a request.</summary>
    public static byte[] Encode(ReadOnlySpan<byte> request, int writable, Framing framing)
    {
        var input = new byte[HeaderSize + RecordSize];
        input[0] = (byte)request.Length;
        BinaryPrimitives.WriteUInt16LittleEndian(input.AsSpan(1), (ushort)writable);
        input[3] = (byte)framing;
        request.CopyTo(input.AsSpan(HeaderSize));
        return input;
    }

    /// <summary>Whether two inputs stand for the same request.</summary>
    public static bool AreSame(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
    {
        if (one.Length < HeaderSize || other.Length < HeaderSize) return one.Length < HeaderSize && other.Length < HeaderSize;
        var (request, writable, framing) = Decode(one);
        var (otherRequest, otherWritable, otherFraming) = Decode(other);
        return request.SequenceEqual(otherRequest) && writable == otherWritable && framing == otherFraming;
    }

    public void Execute(ReadOnlySpan<byte> input, Observations observations)
    {
        if (input.Length < HeaderSize) return;
        observations.Operations = 1;
        _machine.Memory.Restart();
        var oracle = _oracle ?? PowerOn();
        // A device that may refuse what sets it up, as one without MAP_UNMAP, has nothing that could be looked at afterwards.
        if (!_isSetUp) return;
        var (request, writable, framing) = Decode(input);

        observations.Story?.Begin(0);
        if (observations.Story is { } expecting) Telling.Expect(expecting, oracle, new RequestView(request, writable));
        int used = _machine.Send(request, writable, framing);
        if (observations.Story is { } seeing) Telling.Saw(seeing, new RequestView(request, writable), _machine.Reply, used, (int)TestBed.ProbeSize);
        int status = StatusOf(request, used);
        int type = request.Length > 0 ? Math.Min((int)request[0], TypeCount - 1) : 0;
        observations.Visit((((type * AnswerCount) + status) * FramingCount) + (int)framing);
        observations.Saw((ulong)used);
        observations.Saw((ulong)status);

        var judgement = oracle.Judge(new RequestView(request, writable), new AnswerView(_machine.Reply, (uint)used, _machine.Poison));
        if (judgement.IsDeviation) throw Deviation.From(judgement, Requests.Name((byte)type));
        bool mayHaveChanged = status == 0 && type is not RequestLayout.Probe;
        if (!mayHaveChanged) RequireNoTrace(request, writable, framing, observations);
        // Where the text leaves open what has become of a refused request, the next one is not to be judged by that.
        if (mayHaveChanged || oracle.IsUncertain || oracle.IsLost) Restart(oracle);
    }

    public void Dispose()
    {
    }

    private int StatusOf(ReadOnlySpan<byte> request, int used)
    {
        if (used < Requests.TailSize) return Unanswered;
        var reply = _machine.Reply;
        int tail = !request.IsEmpty && request[0] == RequestLayout.Probe ? Math.Min((int)TestBed.ProbeSize, reply.Length - Requests.TailSize) : 0;
        return Math.Min(reply[tail], (byte)(Unanswered - 1));
    }

    // One access that spans two mappings, or one in bypass mode; and, for some of the inputs, since each leads to a fault report: one to a
    // mapping that only takes writes, one to nothing, one by an endpoint without a domain. Which, the request itself decides.
    private void RequireNoTrace(ReadOnlySpan<byte> request, int writable, Framing framing, Observations observations)
    {
        ulong mixed = Mix(request, ((ulong)writable * FramingCount) + (ulong)framing);
        if (mixed % 2 == 0) RequireAccess(TestBed.FirstEndpoint, 0x1ff8, 16, TestBed.Ram + 0xff8);
        else RequireAccess(TestBed.SecondEndpoint, TestBed.Ram, 1, TestBed.Ram);
        if (mixed / 2 % FaultsOneIn != 0) return;
        RequireAccess(TestBed.FirstEndpoint, 0x8000, 1, SpecOracle.Nowhere);
        RequireAccess(TestBed.FirstEndpoint, 0x4000, 1, SpecOracle.Nowhere);
        RequireAccess(TestBed.ThirdEndpoint, TestBed.Ram, 1, SpecOracle.Nowhere);
        Span<byte> report = stackalloc byte[ReportSize];
        while (_machine.TryTakeReport(report, out uint used))
        {
            observations.Saw(used);
            observations.Saw(BinaryPrimitives.ReadUInt64LittleEndian(report));
        }
    }

    private static ulong Mix(ReadOnlySpan<byte> bytes, ulong number)
    {
        const ulong Odd = 0x9e37_79b9_7f4a_7c15;
        ulong mixed = number * Odd;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..]) mixed = (mixed ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes)) * Odd;
        return mixed >> 32;
    }

    private void RequireAccess(uint endpoint, ulong at, int length, ulong expected)
    {
        var landed = _landed.AsSpan(0, length);
        _machine.Access(endpoint, at, isWrite: false, landed);
        for (int i = 0; i < length; i++)
        {
            ulong wanted = expected == SpecOracle.Nowhere ? expected : expected + (ulong)i;
            if (landed[i] != wanted) throw new BrokenInvariantException("refused-requests-leave-no-trace", $"0x{at:x}", $"after a refused request endpoint 0x{endpoint:x} reaches another address at 0x{at:x} than before");
        }
    }

    private SpecOracle PowerOn()
    {
        _machine.Start(ulong.MaxValue);
        var oracle = new SpecOracle(_machine.Facts);
        Span<byte> reply = stackalloc byte[Requests.TailSize];
        foreach (var request in _setUpRequests)
        {
            reply.Clear();
            int used = _machine.Process(request, reply);
            var judgement = oracle.Judge(new RequestView(request, reply.Length), new AnswerView(reply, (uint)used));
            if (judgement.IsDeviation) throw Deviation.From(judgement, $"set-up {Requests.Name(request[0])}");
            _isSetUp &= used == Requests.TailSize && reply[0] == 0;
        }

        oracle.Mark();
        return _oracle = oracle;
    }

    private void Restart(SpecOracle oracle)
    {
        _machine.ForgetRequests();
        oracle.ReturnToMark();
        Span<byte> reply = stackalloc byte[Requests.TailSize];
        foreach (var request in _setUpRequests)
        {
            reply.Clear();
            if (_machine.Process(request, reply) != Requests.TailSize || reply[0] != 0)
                throw new BrokenInvariantException("set-up-succeeds", $"request {request[0]}", "the device refuses a request that sets up the machine, which it took before");
        }
    }

    private static InputShape NewShape() => new()
    {
        HeaderSize = HeaderSize,
        RecordSize = RecordSize,
        MaximumRecords = 1,
        Header =
        [
            new("readable", 0, 1, FieldKind.Choice, 0, 3, 4, 8, 16, 19, 20, 20, 20, 27, 28, 28, 28, 35, 36, 36, 36, 71, 72, 72, 76),
            new("writable", 1, 2, FieldKind.Choice, _writables),
            new("framing", 3, 1, FieldKind.Choice, 0, 0, 1, 2, 3),
        ],
        Kinds = [.. Enumerable.Range(0, 6).Select(type => new RecordKind(Requests.Name((byte)type), type == 0 ? 1 : 4, RequestLayout.Fields((byte)type, 0)))],
    };

    private static IEnumerable<Seed> Seeds() =>
    [
        One("attach", Requests.Attach(3, TestBed.ThirdEndpoint), 4),
        One("detach", Requests.Detach(1, TestBed.FirstEndpoint), 4),
        One("map", Requests.Map(1, 0x4000, 0x4fff, TestBed.Ram, Requests.ReadWrite), 4),
        One("unmap", Requests.Unmap(1, 0x1000, 0x3fff), 4),
        One("probe", Requests.Probe(TestBed.FirstEndpoint), (int)TestBed.ProbeSize + 4),
        One("unknown-type", [0x7f, 0, 0, 0, 1, 2, 3, 4], 4),
    ];

    private static Seed One(string name, byte[] request, int writable) => new(name, Encode(request, writable, Framing.Plain));

    /// <summary>What an input stands for.</summary>
    public readonly ref struct DecodedInput(ReadOnlySpan<byte> request, int writable, Framing framing)
    {
        private readonly ReadOnlySpan<byte> _request = request;

        public void Deconstruct(out ReadOnlySpan<byte> request, out int writable, out Framing framing)
        {
            request = _request;
            writable = Writable;
            framing = Framing;
        }

        private int Writable { get; } = writable;

        private Framing Framing { get; } = framing;
    }
}
