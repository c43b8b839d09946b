using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Campaigns;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Engine.Mutation;

namespace Viommu.Fuzz.Tests.Engine;

/// <summary>What the user gives is tried, in bytes, in fields and across them, where nothing else tells what is wanted.</summary>
public sealed class GivenTokensTests
{
    private const long Runs = 20_000;

    private static readonly byte[] _word = [.. "open sesame!"u8];

    // Number and choice fields are given values; a word that is longer than any field lies across them.
    private static readonly InputShape _records = new()
    {
        RecordSize = 24,
        MaximumRecords = 4,
        Kinds = [new("say", 1, new("first", 1, 8, FieldKind.Number), new("second", 9, 8, FieldKind.Number))],
    };

    private static readonly InputShape _bytes = new() { MaximumRecords = 64 };

    public static TheoryData<string, int> Places => new() { { "bytes", 12 }, { "bytes", 3 }, { "records", 12 }, { "records", 8 }, { "records", 7 } };

    [Theory]
    [MemberData(nameof(Places))]
    public void A_word_that_nothing_hints_at_is_found_where_it_is_given_and_only_there(string place, int length)
    {
        var (shape, word) = (place == "bytes" ? _bytes : _records, _word[..length]);
        Assert.Single(Find(shape, word, given: [[1, 2], word]));
        Assert.Empty(Find(shape, word, given: []));
        Assert.Empty(Find(shape, word, given: [[1, 2], [.. word.Reverse()]]));
    }

    [Fact]
    public void What_is_given_is_picked_however_much_else_there_is()
    {
        var dictionary = new ValueDictionary(Enumerable.Range(0, 10_000).Select(value => (ulong)value), [], [[0x34, 0x12, 0xff]]);
        var random = new Random64(1);
        Assert.InRange(Enumerable.Range(0, 1000).Count(_ => dictionary.Pick(random) == 0xff1234), 100, 500);
    }

    private static IReadOnlyList<Finding> Find(InputShape shape, byte[] word, IReadOnlyList<byte[]> given)
    {
        var campaign = new Campaign(new CampaignOptions
        {
            Shape = shape,
            NewExecutor = () => new Listener(word),
            NewDictionary = () => new ValueDictionary([], [], given),
            Seed = 1,
            Runs = Runs,
        });
        campaign.Run();
        return [.. campaign.Findings.Select(found => found.Finding)];
    }

    /// <summary>Broken by an input with a word in it. There is nothing to see on the way there.</summary>
    private sealed class Listener(byte[] word) : IExecutor
    {
        private readonly byte[] _counters = new byte[CounterMap.Block];

        public Span<byte> Counters => _counters;

        public Observations Observations { get; } = new(32);

        public Finding? Execute(ReadOnlySpan<byte> input)
        {
            Observations.Begin();
            return input.IndexOf(word) >= 0 ? new(new("nobody-knows-the-word", "", "", ""), "the word was said", "") : null;
        }

        public Finding? LogComparisons(ReadOnlySpan<byte> input, ComparisonLog log) => null;

        public void Dispose()
        {
        }
    }
}
