using System.Globalization;
using System.Text;
using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Devices;

/// <summary>Requests that look alike from outside, whatever the device makes of them.</summary>
/// <param name="Type">The type; zero for those that there are none of.</param>
/// <param name="Shape">How much of it there is.</param>
/// <param name="Framing">How it is cut into descriptors.</param>
/// <param name="IsShortProbe">A PROBE with less room than its properties take.</param>
/// <param name="Range">How its range is, where it has one.</param>
internal readonly record struct RequestClass(byte Type, RequestShape Shape, Framing Framing, bool IsShortProbe, RangeKind Range)
{
    public static RequestClass Of(ReadOnlySpan<byte> readable, int writable, Framing framing, DeviceFacts facts)
    {
        var request = DecodedRequest.From(new RequestView(readable, writable), facts);
        var range = request.Type is not (RequestLayout.Map or RequestLayout.Unmap) ? RangeKind.None
            : request.VirtEnd < request.VirtStart ? RangeKind.Inverted
            : request.VirtEnd == ulong.MaxValue ? RangeKind.ToTheTop
            : RangeKind.Plain;
        var shape = request.Shape == RequestShape.Whole && !request.HasHead ? RequestShape.Truncated : request.Shape;
        return new(request.IsKnownType ? request.Type : DecodedRequest.NoType, shape, framing,
            request.Type == RequestLayout.Probe && writable < facts.ProbeSize + Requests.TailSize, range);
    }

    /// <summary>True where a driver that keeps to the rules sends nothing like it.</summary>
    public bool IsOdd => Shape != RequestShape.Whole || IsShortProbe || Range == RangeKind.Inverted;

    /// <summary>What it is called in findings: where it is not even a request, it does not matter which.</summary>
    public string Operation => Shape is RequestShape.Truncated or RequestShape.WithoutTail ? $"request {Shape}" : Requests.Name(Type);

    public override string ToString()
    {
        var text = new StringBuilder(Requests.Name(Type)).Append('(').Append(IsShortProbe && Shape == RequestShape.Whole ? "properties area too small" : Shape);
        if (Framing != Framing.Plain) text.Append(", framing ").Append(Framing);
        if (Range is RangeKind.Inverted or RangeKind.ToTheTop) text.Append(", range ").Append(Range);
        return text.Append(')').ToString();
    }
}

/// <summary>How the range of a request is.</summary>
internal enum RangeKind : byte
{
    None,
    Plain,

    /// <summary>It ends before it starts.</summary>
    Inverted,

    /// <summary>It ends at the last address that there is.</summary>
    ToTheTop,
}

/// <summary>
/// Requests that end the device if they come one after the other, with whatever in between: what is left of a program once it is as small as
/// it gets.
/// </summary>
internal sealed class FatalSequence(IReadOnlyList<RequestClass> classes)
{
    private int _seen;

    /// <summary>How often its last request was not sent.</summary>
    public long Avoided { get; private set; }

    /// <summary>Another program begins.</summary>
    public void Restart() => _seen = 0;

    /// <summary>A request is to be sent; true where it would complete the sequence.</summary>
    public bool Completes(in RequestClass request)
    {
        if (request != classes[_seen]) return false;
        if (_seen < classes.Count - 1)
        {
            _seen++;
            return false;
        }

        Avoided++;
        return true;
    }

    public bool IsLike(RequestClass request) => classes.Count == 1 && classes[0] with { Framing = request.Framing } == request;

    public bool Is(IReadOnlyList<RequestClass> others) => classes.SequenceEqual(others);

    public override string ToString() => string.Join(", then ", classes);
}

/// <summary>
/// What one job of a campaign on a real device knows already: deviations that it has reported, and requests that end the device. The first
/// are passed over, so that what comes behind them is seen; the second are left out of programs. Everything that is passed over is counted.
/// </summary>
internal sealed class QemuKnowledge
{
    // What comes up this often without coming up by itself is a consequence of an earlier deviation.
    private const int MostDoubts = 8;

    private readonly Dictionary<FindingKey, long> _settled = [];
    private readonly Dictionary<FindingKey, int> _doubts = [];
    private readonly HashSet<FindingKey> _ignored = [];
    private readonly List<FatalSequence> _fatal = [];

    /// <summary>Accesses that were left out, since they could not be seen or could do harm.</summary>
    public long LeftOut { get; set; }

    /// <summary>Accesses that were made.</summary>
    public long Accesses { get; set; }

    /// <summary>Requests that were sent.</summary>
    public long Sent { get; set; }

    /// <summary>Processes that ended or hung, and what it took to make findings small included.</summary>
    public int Deaths { get; set; }

    /// <summary>Programs that were abandoned because the device answered in another order than it was asked.</summary>
    public int OutOfOrder { get; set; }

    /// <summary>Deviations from which no clause could be told, since the device could be in several states.</summary>
    public long Unsure { get; set; }

    /// <summary>True where the finding needs no report; it is counted.</summary>
    public bool IsSettled(FindingKey key)
    {
        if (_settled.TryGetValue(key, out long count)) _settled[key] = count + 1;
        else return _doubts.TryGetValue(key, out int doubts) && doubts >= MostDoubts;
        return true;
    }

    /// <summary>A program begins.</summary>
    public void Begin()
    {
        foreach (var sequence in _fatal) sequence.Restart();
    }

    /// <summary>True where the request would be the end of the device, after those that were sent before it; it is counted.</summary>
    public bool IsFatal(in RequestClass request)
    {
        bool isFatal = false;
        foreach (var sequence in _fatal) isFatal |= sequence.Completes(request);
        return isFatal;
    }

    /// <summary>True where the request differs from one that ends the device by itself in nothing but its framing.</summary>
    public bool IsLikeFatal(RequestClass request) => _fatal.Any(sequence => sequence.IsLike(request));

    /// <summary>The finding is reported. Where it was the end of the device, requests like these are not sent in this order again.</summary>
    /// <returns>True where such requests were not known to be the end of it.</returns>
    public bool Settle(FindingKey key, IReadOnlyList<RequestClass> fatal)
    {
        _settled.TryAdd(key, 0);
        if (fatal.Count == 0 || _fatal.Any(known => known.Is(fatal))) return false;
        _fatal.Add(new(fatal));
        return true;
    }

    /// <summary>The finding did not come again in a program that shows nothing else.</summary>
    public void Doubt(FindingKey key)
    {
        _doubts[key] = _doubts.GetValueOrDefault(key) + 1;
        _ignored.Add(key);
    }

    /// <summary>True where the finding was doubted since the last <see cref="BeginInput"/>.</summary>
    public bool IsIgnored(FindingKey key) => _ignored.Contains(key);

    /// <summary>Another input, which may show what was doubted in the last one.</summary>
    public void BeginInput() => _ignored.Clear();

    /// <summary>What was passed over by several jobs, a line each.</summary>
    public static IEnumerable<string> Describe(IReadOnlyCollection<QemuKnowledge> jobs)
    {
        yield return Line($"{jobs.Sum(job => job.Sent)} requests, {jobs.Sum(job => job.Accesses)} accesses (and {jobs.Sum(job => job.LeftOut)} left out), {jobs.Sum(job => job.Deaths)} processes ended");
        foreach (var known in jobs.SelectMany(job => job._settled).GroupBy(pair => pair.Key).OrderBy(group => group.Key.ToString(), StringComparer.Ordinal))
            yield return Line($"passed over {known.Sum(pair => pair.Value)} times, known: {known.Key}");
        foreach (var known in jobs.SelectMany(job => job._fatal).GroupBy(sequence => sequence.ToString()).OrderBy(group => group.Key, StringComparer.Ordinal))
            yield return Line($"not sent {known.Sum(sequence => sequence.Avoided)} times, ends the device: {known.Key}");
        foreach (var doubt in jobs.SelectMany(job => job._doubts).GroupBy(pair => pair.Key).OrderBy(group => group.Key.ToString(), StringComparer.Ordinal))
            yield return Line($"not reported, came up {doubt.Sum(pair => pair.Value)} times behind known deviations and not by itself: {doubt.Key}");
        if (jobs.Sum(job => job.Unsure) is > 0 and var unsure) yield return Line($"not reported, {unsure} deviations while the device could be in several states: no clause can be told");
        if (jobs.Sum(job => job.OutOfOrder) is > 0 and var abandoned) yield return Line($"{abandoned} programs abandoned: answered out of order");
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
