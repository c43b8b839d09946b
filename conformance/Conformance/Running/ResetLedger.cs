namespace Viommu.Conformance.Running;

/// <summary>The checks after which a device reset left something behind; kept by all sessions of a run together.</summary>
internal sealed class ResetLedger
{
    private readonly Lock gate = new();
    private readonly List<string> entries = [];

    public void Add(string entry)
    {
        lock (gate) entries.Add(entry);
    }

    public IReadOnlyList<string> Entries
    {
        get
        {
            lock (gate) return [.. entries];
        }
    }
}
