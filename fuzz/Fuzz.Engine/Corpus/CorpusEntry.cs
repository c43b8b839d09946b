namespace Viommu.Fuzz.Engine.Corpus;

/// <summary>An input that reached something new when it was found.</summary>
public sealed class CorpusEntry
{
    internal CorpusEntry(byte[] input, int[] features, int work)
    {
        Input = input;
        Features = features;
        Work = work;
    }

    /// <summary>The input.</summary>
    public byte[] Input { get; }

    /// <summary>What it reaches.</summary>
    public IReadOnlyList<int> Features { get; }

    /// <summary>What running it costs, as <see cref="Coverage.Observations.Work"/> counts it.</summary>
    public int Work { get; }

    /// <summary>How often it was chosen.</summary>
    internal int Picks { get; set; }
}
