using System.Buffers.Binary;
using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Targets;

/// <summary>
/// The abstract states of a program: what was asked and answered, one after the other; how many domains, endpoints and mappings there are;
/// and how the range of a request lies to the mappings that are there. It follows what the device answers, and needs no code coverage.
/// </summary>
internal sealed class SequenceStates
{
    /// <summary>A status, unwritten, needing a reset, or what became of an access.</summary>
    public const int AnswerCount = 13;
    public const int Unwritten = 10;
    public const int NeedsReset = 11;
    public const int Refused = 12;

    private const int Steps = SequenceShape.KindCount * AnswerCount;
    private const int Pairs = Steps * SequenceShape.KindCount;
    private const int Worlds = 4 * 4 * 5 * AnswerCount;
    private const int Relations = 8 * AnswerCount * 4;
    private const int Framings = Steps * 4;

    private readonly List<(uint Domain, ulong First, ulong Last)> _mappings = new(SequenceShape.MaximumSteps);
    private readonly List<(uint Endpoint, uint Domain)> _attached = new(8);
    private int _before;
    private int _bed;

    public static int Count => Pairs + Worlds + Framings + ((Relations + Steps) * TestBed.Count);

    /// <summary>Ranges that were mapped and not unmapped since.</summary>
    public IReadOnlyList<(uint Domain, ulong First, ulong Last)> Mappings => _mappings;

    public void Reset()
    {
        _mappings.Clear();
        _attached.Clear();
    }

    /// <summary>A program begins, on the device of that number: what is known of one says nothing of another.</summary>
    public void Begin(int bed = 0)
    {
        Reset();
        _before = 0;
        _bed = bed;
    }

    public void Step(StepKind kind, int answer, int framing, Observations observations)
    {
        int step = ((int)kind * AnswerCount) + answer;
        observations.Visit((step * SequenceShape.KindCount) + _before);
        observations.Visit(Pairs + Worlds + (step * 4) + framing);
        observations.Visit(Pairs + Worlds + Framings + ((Relations + Steps) * _bed) + step);
        _before = (int)kind;
        int world = Math.Min(CountDomains(), 3);
        world = (world * 4) + Math.Min(_attached.Count, 3);
        world = (world * 5) + (_mappings.Count switch { < 3 => _mappings.Count, < 5 => 3, _ => 4 });
        observations.Visit(Pairs + (world * AnswerCount) + answer);
    }

    /// <summary>How a range lies to the first mapping of the domain that it has to do with.</summary>
    public void Range(StepKind kind, uint domain, ulong first, ulong last, int answer, Observations observations)
    {
        int relation = 0;
        foreach (var (of, start, end) in _mappings)
        {
            if (of != domain) continue;
            relation = Relation(first, last, start, end);
            if (relation > 1) break;
        }

        int which = kind switch { StepKind.Map => 0, StepKind.Unmap => 1, StepKind.DmaRead => 2, _ => 3 };
        observations.Visit(Pairs + Worlds + Framings + ((Relations + Steps) * _bed) + Steps + (((relation * AnswerCount) + answer) * 4) + which);
    }

    /// <summary>Takes over what a request did, by its answer.</summary>
    public void Answered(byte type, ReadOnlySpan<byte> request, int answer, Observations observations)
    {
        if (request.Length < RequestLayout.SizeOf(type) || type is 0 or > RequestLayout.Unmap) return;
        uint domain = BinaryPrimitives.ReadUInt32LittleEndian(request[4..]);
        if (type is RequestLayout.Attach or RequestLayout.Detach)
        {
            uint endpoint = BinaryPrimitives.ReadUInt32LittleEndian(request[8..]);
            if (answer != 0) return;
            if (type == RequestLayout.Attach) Attached(endpoint, domain);
            else Detached(endpoint);
            return;
        }

        ulong first = BinaryPrimitives.ReadUInt64LittleEndian(request[8..]);
        ulong last = BinaryPrimitives.ReadUInt64LittleEndian(request[16..]);
        Range(type == RequestLayout.Map ? StepKind.Map : StepKind.Unmap, domain, first, last, answer, observations);
        if (answer != 0) return;
        if (type == RequestLayout.Map) Mapped(domain, first, last);
        else Unmapped(domain, first, last);
    }

    public void Attached(uint endpoint, uint domain)
    {
        Detached(endpoint);
        _attached.Add((endpoint, domain));
    }

    public void Detached(uint endpoint)
    {
        for (int i = 0; i < _attached.Count; i++)
        {
            if (_attached[i].Endpoint != endpoint) continue;
            uint domain = _attached[i].Domain;
            _attached.RemoveAt(i);
            if (!IsAlive(domain)) Unmapped(domain, 0, ulong.MaxValue);
            return;
        }
    }

    public void Mapped(uint domain, ulong first, ulong last) => _mappings.Add((domain, first, last));

    public void Unmapped(uint domain, ulong first, ulong last)
    {
        for (int i = _mappings.Count - 1; i >= 0; i--)
        {
            if (_mappings[i].Domain == domain && first <= _mappings[i].First && _mappings[i].Last <= last) _mappings.RemoveAt(i);
        }
    }

    /// <summary>The endpoints of the domain that were attached first and last; false where it has none.</summary>
    public bool TryFindEndpoints(uint domain, out uint earliest, out uint latest)
    {
        (earliest, latest) = (0, 0);
        bool isFound = false;
        foreach (var attachment in _attached)
        {
            if (attachment.Domain != domain) continue;
            if (!isFound) earliest = attachment.Endpoint;
            latest = attachment.Endpoint;
            isFound = true;
        }

        return isFound;
    }

    /// <summary>The domain of an endpoint; false where it has none.</summary>
    public bool TryFindDomain(uint endpoint, out uint domain)
    {
        foreach (var attachment in _attached)
        {
            domain = attachment.Domain;
            if (attachment.Endpoint == endpoint) return true;
        }

        domain = 0;
        return false;
    }

    /// <summary>What became of a request, by its used length and the whole writable part.</summary>
    public static int AnswerOf(byte type, int used, ReadOnlySpan<byte> reply, int probeSize)
    {
        if (used < 0) return NeedsReset;
        if (used < Requests.TailSize) return Unwritten;
        int tail = type == RequestLayout.Probe ? Math.Min(probeSize, reply.Length - Requests.TailSize) : 0;
        return Math.Min(reply[tail], (byte)(Unwritten - 1));
    }

    /// <summary>What became of an access, as an answer: 0 all of it, <see cref="Refused"/> nothing, 1 a part.</summary>
    public static int AnswerOf(ReadOnlySpan<ulong> landed)
    {
        int arrived = landed.Length - landed.Count(SpecOracle.Nowhere);
        return arrived == landed.Length ? 0 : arrived == 0 ? Refused : 1;
    }

    private static int Relation(ulong first, ulong last, ulong start, ulong end)
    {
        if (last < first) return 2;
        if (first == start && last == end) return 3;
        if (last < start || end < first) return last + 1 == start || end + 1 == first ? 1 : 0;
        if (first <= start && end <= last) return 4;
        if (start <= first && last <= end) return 5;
        return first < start ? 6 : 7;
    }

    private bool IsAlive(uint domain) => TryFindEndpoints(domain, out _, out _);

    private int CountDomains()
    {
        int count = 0;
        for (int i = 0; i < _attached.Count; i++)
        {
            bool isFirst = true;
            for (int j = 0; j < i; j++) isFirst &= _attached[j].Domain != _attached[i].Domain;
            if (isFirst) count++;
        }

        return count;
    }
}
