using System.Buffers.Binary;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Tests.Engine;

public class MutatorTests
{
    [Fact]
    public void Every_input_fits_its_shape_whatever_it_is_made_of()
    {
        foreach (var target in TargetList.All)
        {
            var random = new Random64(7);
            var mutator = new Mutator(target.Shape, new ValueDictionary([1, 2], [[1, 2, 3]]), random);
            byte[] parent = [], other = [1, 2, 3];
            for (int i = 0; i < 20_000; i++)
            {
                var made = i % 50 == 0 ? mutator.Generate() : mutator.Mutate(parent, other);
                Assert.InRange(made.Length, target.Shape.HeaderSize, target.Shape.MaximumSize);
                (parent, other) = (made.ToArray(), parent);
            }
        }
    }

    [Fact]
    public void Records_are_moved_whole()
    {
        var shape = new InputShape { HeaderSize = 0, RecordSize = 8, MaximumRecords = 8, Kinds = [new("none", 1)] };
        var mutator = new Mutator(shape, new ValueDictionary([], []), new Random64(3));
        byte[] parent = [.. Enumerable.Range(0, 64).Select(i => (byte)i)];
        int whole = 0;
        for (int i = 0; i < 2_000; i++)
        {
            var made = mutator.Mutate(parent, parent);
            Assert.Equal(0, made.Length % 8);
            for (int at = 0; at < made.Length; at += 8) whole += made[at] % 8 == 0 && made[at + 7] == made[at] + 7 ? 1 : 0;
        }

        Assert.True(whole > 2_000);
    }

    [Fact]
    public void Ranges_move_whole_and_are_given_lengths_of_pages()
    {
        const int Length = 0x12345;
        var mutator = new Mutator(SequenceShape.Shape, new ValueDictionary([], []), new Random64(3));
        var parent = SequenceSeeds.Program(SequenceSeeds.Request(Requests.Map(1, 0x1000, 0x1000 + Length - 1, 0, Requests.Read)));
        int moved = 0, fitted = 0;
        for (int i = 0; i < 10_000; i++)
        {
            var made = mutator.Mutate(parent, parent);
            if (made.Length != parent.Length) continue;
            var body = made[(SequenceShape.HeaderSize + SequenceShape.BodyOffset)..];
            ulong start = BinaryPrimitives.ReadUInt64LittleEndian(body[8..]);
            ulong length = unchecked(BinaryPrimitives.ReadUInt64LittleEndian(body[16..]) - start + 1);
            if (start != 0x1000 && length == Length) moved++;
            if (length is 0x1000 or 0x2000 or 0x4000 or 0x1_0000) fitted++;
        }

        Assert.True(moved > 100, $"{moved} moved whole");
        Assert.True(fitted > 100, $"{fitted} have a length of pages");
    }

    [Fact]
    public void An_operand_is_replaced_at_each_place_where_it_stands()
    {
        var mutator = new Mutator(new InputShape { MaximumRecords = 16 }, new ValueDictionary([], []), new Random64(1));
        byte[] parent = [9, 0, 1, 2, 9, 0];
        Assert.True(mutator.TryReplace(parent, 9, 0x1234, 2, 1, out var replaced));
        Assert.Equal([9, 0, 1, 2, 0x34, 0x12], replaced.ToArray());
        Assert.False(mutator.TryReplace(parent, 9, 0x1234, 2, 2, out _));
    }

    [Fact]
    public void Mutation_allocates_nothing()
    {
        var mutator = new Mutator(SequenceShape.Shape, new ValueDictionary([1, 2, 3], []), new Random64(1));
        var parent = SequenceSeeds.All().First().Input;
        Assert.Equal(0, Allocation.LeastOf(() =>
        {
            for (int i = 0; i < 10_000; i++) mutator.Mutate(parent, parent);
        }));
    }

    [Fact]
    public void The_dictionary_forgets_the_oldest_of_what_it_learned_and_nothing_else()
    {
        var dictionary = new ValueDictionary([1, 2], []);
        for (ulong value = 100; value < 5000; value++) Assert.True(dictionary.Learn(value));
        Assert.False(dictionary.Learn(1));
        Assert.False(dictionary.Learn(4999));
        Assert.True(dictionary.Learn(100));
        Assert.Equal(2 + 1024, dictionary.Count);
    }
}
