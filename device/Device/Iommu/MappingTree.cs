using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Viommu.Device.Memory;

namespace Viommu.Device.Iommu;

/// <summary>
/// The mappings of a domain, ordered by virtual address: a B+ tree whose leaves hold each field in an array of its own, so that a
/// search touches little memory. Finding, adding and removing cost O(log n); removing a range costs in addition what it removes.
/// Nodes that fall out of use are kept for the next mappings.
/// </summary>
/// <remarks>
/// An inner node's <c>Lowest[i]</c> separates child i from its left sibling: every key of the left one is below it, no key of child i
/// is. It need not be a key that still exists, and <c>Lowest[0]</c> is not looked at.
/// </remarks>
internal sealed partial class MappingTree
{
    private Node _root = new Leaf();
    private int _height;

    // The inner nodes from the leaf's parent (0) up to the root, and which child was taken in each.
    private readonly List<(Inner Node, int Slot)> _path = [];

    private Leaf? _spareLeaves;
    private Inner? _spareInners;

    /// <summary>Number of mappings.</summary>
    public int Count { get; private set; }

    /// <summary>The mapping that covers <paramref name="address"/>.</summary>
    public bool TryFind(ulong address, out Mapping mapping)
    {
        if (TryFindAtOrBelow(address, out var leaf, out int slot) && leaf.Ends[slot] >= address)
        {
            mapping = leaf.At(slot);
            return true;
        }

        mapping = default;
        return false;
    }

    /// <summary>Every mapping, by ascending address.</summary>
    public IEnumerable<Mapping> InOrder()
    {
        for (var leaf = LeftmostLeaf(); leaf is not null; leaf = leaf.Next)
        {
            for (int slot = 0; slot < leaf.Count; slot++) yield return leaf.At(slot);
        }
    }

    /// <summary>True where a mapping touches the range.</summary>
    public bool Overlaps(AddressRange range) =>
        TryFindAtOrBelow(range.Last, out var leaf, out int slot) && leaf.Ends[slot] >= range.First;

    /// <summary>True where a mapping touches the range without lying inside it.</summary>
    public bool Straddles(AddressRange range) =>
        (TryFindAtOrBelow(range.Last, out var leaf, out int slot) && leaf.Ends[slot] > range.Last)
        || (TryFindAtOrBelow(range.First, out leaf, out slot) && leaf.Starts[slot] < range.First && leaf.Ends[slot] >= range.First);

    /// <summary>Adds a mapping that overlaps none.</summary>
    public void Add(in Mapping mapping)
    {
        ulong key = mapping.Virtual.First;
        var leaf = DescendTo(key);
        if (leaf.Count == Capacity) leaf = Split(leaf, key);
        leaf.Insert(leaf.SlotFrom(key), mapping);
        Count++;
    }

    /// <summary>Removes every mapping that starts inside the range, which none straddles; returns their number.</summary>
    public int RemoveInside(AddressRange range)
    {
        int before = Count;
        while (Count > 0)
        {
            var leaf = DescendTo(range.First);
            int from = leaf.SlotFrom(range.First);
            if (from == leaf.Count)
            {
                if (leaf.Next is null) break;
                leaf = DescendTo(leaf.Next.Starts[0]);
                from = 0;
            }

            int to = leaf.LastAtMost(range.Last) + 1;
            if (to <= from) break;
            leaf.Remove(from, to);
            Count -= to - from;
            Rebalance(leaf);
        }

        return before - Count;
    }

    /// <summary>Removes everything, and gives the memory back but for one leaf, which the next mapping needs anyway.</summary>
    public void Clear()
    {
        if (Count == 0) return;
        if (_root is Leaf only) only.Remove(0, only.Count);
        else _root = new Leaf();
        _height = 0;
        Count = 0;
        _path.Clear();
        _spareLeaves = null;
        _spareInners = null;
    }

    /// <summary>The last of the first <paramref name="count"/> keys that is at most <paramref name="key"/>; -1 where there is none.</summary>
    /// <remarks>
    /// Counts the keys that are, over the whole array: no step waits for the one before, so a node that is in no cache costs one trip to
    /// memory and not one for each step of a binary search.
    /// </remarks>
    private static int LastAtMost(in KeyArray keys, int count, ulong key)
    {
        ReadOnlySpan<ulong> all = keys;
        var bound = Vector512.Create(key);
        int atMost = 0;
        for (int at = 0; at < Capacity; at += Vector512<ulong>.Count)
            atMost += BitOperations.PopCount(Vector512.LessThanOrEqual(Vector512.Create(all[at..]), bound).ExtractMostSignificantBits());
        // What is not in use holds the highest key there is.
        return Math.Min(atMost, count) - 1;
    }

    /// <summary>The mapping with the greatest start at or below <paramref name="address"/>.</summary>
    private bool TryFindAtOrBelow(ulong address, out Leaf leaf, out int slot)
    {
        var node = _root;
        for (int level = _height; level > 0; level--)
        {
            var inner = Unsafe.As<Inner>(node);
            node = inner.Children[inner.SlotFor(address)]!;
        }

        leaf = Unsafe.As<Leaf>(node);
        slot = leaf.LastAtMost(address);
        if (slot >= 0) return true;
        // The mapping whose start became the separator may be gone; then the one wanted ends the leaf before.
        if (leaf.Previous is null) return false;
        leaf = leaf.Previous;
        slot = leaf.Count - 1;
        return true;
    }

    private Leaf? LeftmostLeaf()
    {
        var node = _root;
        while (node is Inner inner) node = inner.Children[0]!;
        return (Leaf)node;
    }

    private Leaf DescendTo(ulong key)
    {
        _path.Clear();
        var node = _root;
        for (int level = _height; level > 0; level--)
        {
            var inner = (Inner)node;
            int slot = inner.SlotFor(key);
            _path.Add((inner, slot));
            node = inner.Children[slot]!;
        }

        _path.Reverse();
        return (Leaf)node;
    }

    // A run of ascending or descending keys fills its leaves: only a key that falls in the middle halves one.
    private Leaf Split(Leaf left, ulong key)
    {
        int at = left.SlotFrom(key);
        int keep = at is 0 or Capacity ? at : Capacity / 2;
        var right = TakeLeaf();
        left.MoveTail(keep, right);
        right.Previous = left;
        right.Next = left.Next;
        if (left.Next is not null) left.Next.Previous = right;
        left.Next = right;

        ulong separator = right.Count == 0 ? key : right.Starts[0];
        InsertChild(0, separator, right);
        return key < separator ? left : right;
    }

    private void InsertChild(int level, ulong lowest, Node child)
    {
        if (level == _height)
        {
            var root = TakeInner();
            root.Insert(0, 0, _root);
            root.Insert(1, lowest, child);
            _root = root;
            _height++;
            return;
        }

        var (parent, slot) = _path[level];
        int at = slot + 1;
        if (parent.Count < Capacity)
        {
            parent.Insert(at, lowest, child);
            return;
        }

        int keep = at == Capacity ? Capacity : Capacity / 2;
        var right = TakeInner();
        parent.MoveTail(keep, right);
        if (at > keep || keep == Capacity) right.Insert(at - keep, lowest, child);
        else parent.Insert(at, lowest, child);
        InsertChild(level + 1, right.Lowest[0], right);
    }

    // An empty leaf goes; a leaf that fits into a sibling with a quarter of it to spare is merged, so that splits do not follow at once.
    private void Rebalance(Leaf leaf)
    {
        if (_height == 0) return;
        var (parent, slot) = _path[0];
        if (leaf.Count == 0)
        {
            Drop(leaf, slot);
        }
        else if (slot + 1 < parent.Count && TryMerge(leaf, (Leaf)parent.Children[slot + 1]!))
        {
            Drop((Leaf)parent.Children[slot + 1]!, slot + 1);
        }
        else if (slot > 0 && TryMerge((Leaf)parent.Children[slot - 1]!, leaf))
        {
            Drop(leaf, slot);
        }
    }

    private static bool TryMerge(Leaf left, Leaf right)
    {
        if (left.Count + right.Count > Capacity * 3 / 4) return false;
        right.MoveTail(0, left);
        return true;
    }

    private void Drop(Leaf leaf, int slot)
    {
        if (leaf.Previous is not null) leaf.Previous.Next = leaf.Next;
        if (leaf.Next is not null) leaf.Next.Previous = leaf.Previous;
        leaf.Previous = null;
        leaf.Next = _spareLeaves;
        _spareLeaves = leaf;
        RemoveChild(0, slot);
    }

    private void RemoveChild(int level, int slot)
    {
        var parent = _path[level].Node;
        parent.Remove(slot);
        if (parent.Count == 0 && level + 1 < _height)
        {
            Keep(parent);
            RemoveChild(level + 1, _path[level + 1].Slot);
            return;
        }

        while (_height > 0 && _root.Count <= 1)
        {
            var root = (Inner)_root;
            _root = root.Count == 0 ? TakeLeaf() : root.Children[0]!;
            _height = root.Count == 0 ? 0 : _height - 1;
            Keep(root);
        }
    }

    private Leaf TakeLeaf()
    {
        if (_spareLeaves is not { } leaf) return new Leaf();
        _spareLeaves = leaf.Next;
        leaf.Next = null;
        return leaf;
    }

    private Inner TakeInner()
    {
        if (_spareInners is not { } inner) return new Inner();
        _spareInners = inner.NextSpare;
        inner.NextSpare = null;
        return inner;
    }

    private void Keep(Inner inner)
    {
        inner.Clear();
        inner.NextSpare = _spareInners;
        _spareInners = inner;
    }
}
