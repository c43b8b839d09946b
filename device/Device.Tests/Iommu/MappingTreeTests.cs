using FsCheck;
using FsCheck.Fluent;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Tests.Support;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Iommu;

/// <summary>The tree against a list of intervals that is searched from end to end.</summary>
public class MappingTreeTests
{
    private sealed class Naive
    {
        public List<Mapping> Mappings { get; } = [];

        public bool Overlaps(AddressRange range) => Mappings.Any(m => m.Virtual.Overlaps(range));

        public bool Straddles(AddressRange range) => Mappings.Any(m => m.Virtual.Overlaps(range) && !range.Contains(m.Virtual));

        public int Remove(AddressRange range) => Mappings.RemoveAll(m => range.Contains(m.Virtual));

        public Mapping? Find(ulong address) => Mappings.Where(m => m.Virtual.Contains(address)).Cast<Mapping?>().FirstOrDefault();
    }

    [Fact]
    public void Map_unmap_and_translate_agree_with_a_list_of_intervals()
    {
        int mapped = 0;
        int removed = 0;
        var operation = from kind in Gen.Frequency((3, Gen.Constant(0)), (1, Gen.Constant(1)), (1, Gen.Constant(2)))
                        from first in Gen.Choose(0, 600)
                        from length in Gen.Choose(0, 12)
                        select (kind, first, length);
        var operations = Gen.ListOf(operation, 400).ToArbitrary();
        Prop.ForAll(operations, list =>
        {
            var tree = new MappingTree();
            var naive = new Naive();
            foreach (var (kind, first, length) in list)
            {
                var range = new AddressRange((ulong)first, (ulong)(first + length));
                if (kind == 0) mapped += Add(tree, naive, range) ? 1 : 0;
                else if (kind == 1) removed += Remove(tree, naive, new(range.First, range.Last + 40));
                else Assert.Equal(naive.Find(range.First), Find(tree, range.First));
            }

            Assert.Equal(naive.Mappings.Count, tree.Count);
            for (ulong address = 0; address < 660; address++) Assert.Equal(naive.Find(address), Find(tree, address));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(200));
        // A property that never maps or removes anything would prove nothing.
        Assert.True(mapped > 1000 && removed > 200, $"{mapped} mapped, {removed} removed");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Three_levels_of_nodes_come_and_go(int seed)
    {
        var random = new Random(seed);
        var tree = new MappingTree();
        var present = new SortedDictionary<ulong, Mapping>();
        ulong[] starts = [.. Enumerable.Range(0, 12000).Select(i => (ulong)i * 4)];
        if (seed == 2) Array.Reverse(starts);
        if (seed == 3) random.Shuffle(starts);
        foreach (ulong start in starts)
        {
            var mapping = new Mapping(new(start, start + 2), start ^ 0xff00, MapFlags.Read);
            tree.Add(mapping);
            present.Add(start, mapping);
        }

        for (int round = 0; round < 2000; round++)
        {
            ulong first = (ulong)random.Next(0, 12000) * 4;
            var range = new AddressRange(first, first + ((ulong)random.Next(0, 40) * 4) + 3);
            int expected = present.Keys.Where(start => range.Contains(start)).ToArray().Count(present.Remove);
            Assert.Equal(expected, tree.RemoveInside(range));
            if (round % 3 == 0 && !tree.Overlaps(range))
            {
                // One mapping where many were: its end lies beyond separators that no longer exist as keys.
                var wide = new Mapping(range, 0, MapFlags.Write);
                tree.Add(wide);
                Assert.True(tree.TryFind(range.Last, out var found));
                Assert.Equal(wide, found);
                Assert.True(tree.Straddles(new(range.First + 1, range.Last)));
                Assert.Equal(1, tree.RemoveInside(range));
            }
        }

        Assert.Equal(present.Count, tree.Count);
        foreach (var (start, mapping) in present)
        {
            Assert.True(tree.TryFind(start + 2, out var found));
            Assert.Equal(mapping, found);
            Assert.False(tree.TryFind(start + 3, out _));
        }

        Assert.Equal(present.Count, tree.RemoveInside(new(0, ulong.MaxValue)));
        Assert.False(tree.Overlaps(new(0, ulong.MaxValue)));
    }

    [Fact]
    public void The_ends_of_the_address_space_are_addresses_like_others()
    {
        var tree = new MappingTree();
        tree.Add(new(new(0, 0), 1, MapFlags.Read));
        tree.Add(new(new(ulong.MaxValue, ulong.MaxValue), 2, MapFlags.Read));
        Assert.True(tree.TryFind(ulong.MaxValue, out var top));
        Assert.Equal(2ul, top.PhysStart);
        Assert.False(tree.TryFind(ulong.MaxValue - 1, out _));
        Assert.False(tree.Straddles(new(0, ulong.MaxValue)));
        Assert.Equal(2, tree.RemoveInside(new(0, ulong.MaxValue)));
    }

    [Fact]
    public void Mapping_and_unmapping_again_allocates_nothing()
    {
        var tree = new MappingTree();
        Cycle(tree);
        Assert.Equal(0, Allocations.Least(() => Cycle(tree)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_mapping_takes_no_more_than_48_bytes(bool descending)
    {
        const int count = 200_000;
        long before = GC.GetAllocatedBytesForCurrentThread();
        var tree = new MappingTree();
        for (int i = 0; i < count; i++)
        {
            ulong first = (ulong)(descending ? count - i : i) << 12;
            tree.Add(new(new(first, first + 0xfff), first, MapFlags.Read));
        }

        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / (double)count, 25, 48);
    }

    private static void Cycle(MappingTree tree)
    {
        for (ulong i = 0; i < 10000; i++) tree.Add(new(new(i, i), i, MapFlags.Read));
        for (ulong i = 0; i < 10000; i += 10) tree.RemoveInside(new(i, i + 9));
    }

    private static bool Add(MappingTree tree, Naive naive, AddressRange range)
    {
        Assert.Equal(naive.Overlaps(range), tree.Overlaps(range));
        if (naive.Overlaps(range)) return false;
        var mapping = new Mapping(range, range.First + 0x1000, MapFlags.Read);
        tree.Add(mapping);
        naive.Mappings.Add(mapping);
        return true;
    }

    private static int Remove(MappingTree tree, Naive naive, AddressRange range)
    {
        Assert.Equal(naive.Straddles(range), tree.Straddles(range));
        if (naive.Straddles(range)) return 0;
        int removed = naive.Remove(range);
        Assert.Equal(removed, tree.RemoveInside(range));
        return removed;
    }

    private static Mapping? Find(MappingTree tree, ulong address) => tree.TryFind(address, out var mapping) ? mapping : null;
}
