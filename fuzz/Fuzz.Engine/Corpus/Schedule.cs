using Viommu.Fuzz.Engine.Mutation;

namespace Viommu.Fuzz.Engine.Corpus;

/// <summary>
/// Chooses what to mutate. An input that reaches what few others reach is worth more, and less with each time it was chosen, or where it costs
/// more than others. Only counts decide, never time, so that the same seed gives the same campaign.
/// </summary>
internal sealed class Schedule(int featureCount)
{
    private const int PicksBetweenWeighings = 256;

    private readonly List<CorpusEntry> _entries = [];
    private readonly int[] _reachedBy = new int[featureCount];
    private double[] _cumulative = [];
    private int _weighed;
    private int _picksLeft;

    public int Count => _entries.Count;

    public void Add(CorpusEntry entry)
    {
        _entries.Add(entry);
        foreach (int feature in entry.Features) _reachedBy[feature]++;
        _picksLeft = Math.Min(_picksLeft, 16);
    }

    public CorpusEntry Pick(Random64 random)
    {
        if (_picksLeft-- <= 0) Weigh();
        // What came since the last weighing is worth a look at once.
        if (_weighed < _entries.Count && random.OneIn(4)) return Picked(_weighed + random.Below(_entries.Count - _weighed));
        if (_weighed == 0) return Picked(random.Below(_entries.Count));
        double wanted = random.Fraction() * _cumulative[_weighed - 1];
        int found = Array.BinarySearch(_cumulative, 0, _weighed, wanted);
        return Picked(Math.Min(found < 0 ? ~found : found, _weighed - 1));
    }

    /// <summary>Any of the inputs, for parts of it.</summary>
    public CorpusEntry Other(Random64 random) => _entries[random.Below(_entries.Count)];

    private CorpusEntry Picked(int index)
    {
        _entries[index].Picks++;
        return _entries[index];
    }

    private void Weigh()
    {
        if (_cumulative.Length < _entries.Count) _cumulative = new double[Math.Max(64, _entries.Count * 2)];
        double sum = 0;
        double averageWork = Math.Max(1, _entries.Average(entry => entry.Work));
        for (int i = 0; i < _entries.Count; i++) _cumulative[i] = sum += Weight(_entries[i], averageWork);
        _weighed = _entries.Count;
        _picksLeft = PicksBetweenWeighings;
    }

    private double Weight(CorpusEntry entry, double averageWork)
    {
        double rarity = 0;
        foreach (int feature in entry.Features) rarity += 1.0 / _reachedBy[feature];
        double age = 1 + Math.Log2(1 + entry.Picks);
        double cost = 1 + (entry.Work / averageWork);
        return (0.05 + rarity) / (age * cost);
    }
}
