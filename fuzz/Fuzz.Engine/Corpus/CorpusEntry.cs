namespace Viommu.Fuzz.Engine.Corpus;

/// <summary>An input that reached something new when it was found.</summary>
public sealed class CorpusEntry
{
    internal CorpusEntry(byte[] input, int[] features, int operations)
    {
        Input = input;
        Features = features;
        Operations = operations;
    }

    /// <summary>The input.</summary>
    public byte[] Input { get; }

    /// <summary>What it reaches.</summary>
    public IReadOnlyList<int> Features { get; }

    /// <summary>Operations that it carries out.</summary>
    public int Operations { get; }

    /// <summary>How often it was chosen.</summary>
    internal int Picks { get; set; }
}
