using Viommu.Fuzz.Engine.Corpus;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;

namespace Viommu.Fuzz.Engine.Campaigns;

/// <summary>An input and what is broken by it.</summary>
public sealed record FoundInput(Finding Finding, byte[] Input);

/// <summary>A moment of a campaign, as statistics show it; the operations are those of all executions together.</summary>
public readonly record struct CampaignSnapshot(long Executions, long Operations, int Corpus, int Edges, int States, int Findings);

/// <summary>What the jobs of a campaign have in common; its lock is taken when something is new, which is seldom.</summary>
internal sealed class CampaignState(bool keepGoing, Func<FindingKey, bool> isKnown)
{
    private readonly Lock _lock = new();
    private readonly List<CorpusEntry> _entries = [];
    private readonly Dictionary<FindingKey, FoundInput> _findings = [];
    private Novelty? _novelty;
    private volatile bool _stopping;

    /// <summary>True once the jobs are to end.</summary>
    public bool IsStopping => _stopping;

    public CampaignSnapshot Snapshot(long executions, long operations)
    {
        lock (_lock) return new(executions, operations, _entries.Count, _novelty?.Edges ?? 0, _novelty?.States ?? 0, _findings.Count);
    }

    public void Stop() => _stopping = true;

    /// <summary>Takes in an entry whose executor still shows what it reaches, unless another job was faster; zeroes the counters.</summary>
    public void Add(CorpusEntry entry, Span<byte> counters, Observations observations)
    {
        lock (_lock)
        {
            _novelty ??= new(counters.Length, observations.StateCount);
            if (_novelty.Absorb(counters, observations)) _entries.Add(entry);
        }
    }

    public void Add(Finding finding, ReadOnlySpan<byte> input)
    {
        if (finding.Input is { } better) input = better;
        lock (_lock)
        {
            if (Wants(finding, input.Length)) _findings[finding.Key] = new(finding, input.ToArray());
        }

        if (!keepGoing && !isKnown(finding.Key)) Stop();
    }

    /// <summary>Whether a finding in an input of that length would be kept.</summary>
    public bool IsWanted(Finding finding, int length)
    {
        lock (_lock) return Wants(finding, length);
    }

    // The first and then shorter ones: the shortest input is the easiest to understand. Of one that has been looked at closely there is more to say.
    private bool Wants(Finding finding, int length) =>
        !_findings.TryGetValue(finding.Key, out var known) || length < known.Input.Length
        || (length == known.Input.Length && known.Finding.Story is null && finding.Story is not null);

    /// <summary>The entries from <paramref name="from"/> on.</summary>
    public CorpusEntry[] EntriesFrom(int from)
    {
        lock (_lock) return [.. _entries.Skip(from)];
    }

    public FoundInput[] Findings()
    {
        lock (_lock) return [.. _findings.Values];
    }
}
