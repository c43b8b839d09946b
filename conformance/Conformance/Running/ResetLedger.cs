namespace Viommu.Conformance.Running;

/// <summary>What device resets between checks did not do, with the check that went before; kept by all sessions of a run together.</summary>
internal sealed class ResetLedger
{
    private readonly Lock gate = new();
    private readonly List<string> leftovers = [];
    private readonly List<string> incomplete = [];

    /// <summary>Resets that left something behind.</summary>
    public IReadOnlyList<string> Leftovers => Copy(leftovers);

    /// <summary>Resets after which the device status did not become 0 in time.</summary>
    public IReadOnlyList<string> Incomplete => Copy(incomplete);

    public void AddLeftover(string entry) => Add(leftovers, entry);

    public void AddIncomplete(string entry) => Add(incomplete, entry);

    private void Add(List<string> entries, string entry)
    {
        lock (gate) entries.Add(entry);
    }

    private IReadOnlyList<string> Copy(List<string> entries)
    {
        lock (gate) return [.. entries];
    }
}
