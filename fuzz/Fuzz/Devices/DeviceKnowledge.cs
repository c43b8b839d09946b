using System.Globalization;
using Viommu.Fuzz.Engine.Findings;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// What one job of a campaign on a real device knows already: deviations that it has reported, and requests that end the device. The first
/// are passed over, so that what comes behind them is seen; the second are left out of programs. Everything that is passed over is counted.
/// </summary>
internal sealed class DeviceKnowledge(DeviceLessons lessons)
{
    // What comes up this often without coming up by itself is a consequence of an earlier deviation.
    private const int MostDoubts = 8;

    private readonly Dictionary<FindingKey, long> _settled = [];
    private readonly Dictionary<FindingKey, int> _doubts = [];
    private readonly HashSet<FindingKey> _ignored = [];
    private readonly Dictionary<string, FindingKey> _assertions = [];
    private readonly Dictionary<string, long> _lacking = [];
    private readonly FatalSequences _fatal = new();
    private int _adopted;

    /// <summary>Programs that were run, and round trips over the socket that they took.</summary>
    public (long Programs, long RoundTrips) Cost { get; set; }

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

    /// <summary>Something was left out since the device has no way to do it; it is counted.</summary>
    public void Lack(string what) => _lacking[what] = _lacking.GetValueOrDefault(what) + 1;

    /// <summary>True where the finding needs no report.</summary>
    public bool IsSettled(FindingKey key) => _settled.ContainsKey(key) || _doubts.GetValueOrDefault(key) >= MostDoubts;

    /// <summary>The finding is passed over where it is reported already, which is counted.</summary>
    public void PassOver(FindingKey key)
    {
        if (_settled.TryGetValue(key, out long count)) _settled[key] = count + 1;
    }

    /// <summary>A program begins.</summary>
    public void Begin()
    {
        if (_adopted != lessons.Count)
        {
            foreach (var lesson in lessons.From(_adopted)) Adopt(lesson);
        }

        _fatal.Restart();
    }

    /// <summary>True where the request would be the end of the device, after those that were sent before it; it is counted.</summary>
    public bool IsFatal(in RequestClass request) => _fatal.Complete(request);

    /// <summary>True where the request differs from one that ends the device by itself in nothing but its framing.</summary>
    public bool IsLikeFatal(RequestClass request) => _fatal.HaveLike(request);

    /// <summary>The finding that is reported of a request that has failed this assertion; null where there is none.</summary>
    public FindingKey? FindRequestOf(string assertion) => _assertions.GetValueOrDefault(assertion);

    /// <summary>A finding is to be looked into; false where another job is at it, which will tell. To be followed by <see cref="Release"/>.</summary>
    public bool TryClaim(FindingKey key) => lessons.TryClaim(key);

    /// <summary>The finding was looked into.</summary>
    public void Release(FindingKey key) => lessons.Release(key);

    /// <summary>The finding is reported. Where it was the end of the device, requests like these are not sent in this order again.</summary>
    /// <param name="key">The finding.</param>
    /// <param name="fatal">The requests; none where it was not the end.</param>
    /// <param name="assertion">The assertion that has failed; null where none was named.</param>
    /// <returns>True where such requests were not known to be the end of it.</returns>
    public bool Settle(FindingKey key, IReadOnlyList<RequestClass> fatal, string? assertion = null)
    {
        bool isNew = _settled.TryAdd(key, 0);
        bool isLearned = _fatal.TryAdd(fatal);
        Note(key, assertion);
        if (isNew || isLearned) lessons.Add(new(key, fatal, assertion));
        return isLearned;
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
    public static IEnumerable<string> Describe(IReadOnlyCollection<DeviceKnowledge> jobs)
    {
        yield return Line($"{jobs.Sum(job => job.Sent)} requests, {jobs.Sum(job => job.Accesses)} accesses (and {jobs.Sum(job => job.LeftOut)} left out), {jobs.Sum(job => job.Deaths)} processes ended, {jobs.Sum(job => job.Cost.RoundTrips) / (double)Math.Max(1, jobs.Sum(job => job.Cost.Programs)):0.0} round trips a program");
        foreach (var lack in jobs.SelectMany(job => job._lacking).GroupBy(pair => pair.Key).OrderBy(group => group.Key, StringComparer.Ordinal))
            yield return Line($"left out {lack.Sum(pair => pair.Value)} times: {lack.Key}");
        foreach (var known in jobs.SelectMany(job => job._settled).GroupBy(pair => pair.Key).OrderBy(group => group.Key.ToString(), StringComparer.Ordinal))
            yield return Line($"passed over {known.Sum(pair => pair.Value)} times, known: {known.Key}");
        foreach (var known in jobs.SelectMany(job => job._fatal.All).GroupBy(sequence => sequence.ToString()).OrderBy(group => group.Key, StringComparer.Ordinal))
            yield return Line($"not sent {known.Sum(sequence => sequence.Avoided)} times, ends the device: {known.Key}");
        foreach (var doubt in jobs.SelectMany(job => job._doubts).GroupBy(pair => pair.Key).OrderBy(group => group.Key.ToString(), StringComparer.Ordinal))
            yield return Line($"not reported, came up {doubt.Sum(pair => pair.Value)} times behind known deviations and not by itself: {doubt.Key}");
        if (jobs.Sum(job => job.Unsure) is > 0 and var unsure) yield return Line($"not reported, {unsure} deviations while the device could be in several states: no clause can be told");
        if (jobs.Sum(job => job.OutOfOrder) is > 0 and var abandoned) yield return Line($"{abandoned} programs abandoned: answered out of order");
    }

    private void Adopt(DeviceLesson lesson)
    {
        _adopted++;
        _settled.TryAdd(lesson.Key, 0);
        _fatal.TryAdd(lesson.Fatal);
        Note(lesson.Key, lesson.Assertion);
    }

    // Where it is part of the key, nobody knows which request it was.
    private void Note(FindingKey key, string? assertion)
    {
        if (assertion is not null && key.Frames.Length == 0) _assertions.TryAdd(assertion, key);
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
