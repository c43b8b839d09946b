namespace Viommu.Guest.Driver;

/// <summary>What passed between driver and device, for the evidence of a finding. Keeps the latest entries; formats them on demand.</summary>
public sealed class Journal
{
    private const int Capacity = 48;

    private readonly Queue<object> entries = new();
    private int dropped;

    /// <summary>True where nothing is dropped, however much passes.</summary>
    public bool KeepsAll { get; set; }

    /// <summary>Adds an entry; its <see cref="object.ToString"/> is asked for when the journal is read.</summary>
    public void Add(object entry)
    {
        if (entries.Count >= Capacity && !KeepsAll)
        {
            entries.Dequeue();
            dropped++;
        }
        entries.Enqueue(entry);
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        entries.Clear();
        dropped = 0;
    }

    /// <summary>The entries as lines, oldest first.</summary>
    public IReadOnlyList<string> ToLines()
    {
        var lines = new List<string>();
        if (dropped > 0) lines.Add($"({dropped} earlier entries not kept)");
        foreach (var entry in entries) lines.AddRange((entry.ToString() ?? "").Split('\n'));
        return lines;
    }
}
