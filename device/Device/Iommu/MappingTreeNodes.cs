using System.Runtime.CompilerServices;
using Viommu.Device.Wire;

namespace Viommu.Device.Iommu;

/// <content>The nodes: fixed arrays inside one object each, of which the first <c>Count</c> elements are in use.</content>
internal sealed partial class MappingTree
{
    // A multiple of what one vector compares. Few enough keys that a leaf in no cache is soon there, enough that the tree stays low.
    private const int Capacity = 32;

    private const ulong Unused = ulong.MaxValue;

    private abstract class Node
    {
        public int Count { get; protected set; }
    }

    private sealed class Inner : Node
    {
        private KeyArray _lowest;
        private ChildArray _children;

        public Inner() => Lowest.Fill(Unused);

        public Inner? NextSpare { get; set; }

        public Span<ulong> Lowest => _lowest;

        public Span<Node?> Children => _children;

        /// <summary>The child in whose part of the address space <paramref name="key"/> falls.</summary>
        public int SlotFor(ulong key) => Math.Max(MappingTree.LastAtMost(_lowest, Count, key), 0);

        public void Insert(int at, ulong lowest, Node child)
        {
            OpenGap(Lowest, at, Count);
            OpenGap(Children, at, Count);
            Lowest[at] = lowest;
            Children[at] = child;
            Count++;
        }

        public void Remove(int at)
        {
            CloseGap(Lowest, at, at + 1, Count);
            CloseGap(Children, at, at + 1, Count);
            Shrink(Count - 1);
        }

        public void MoveTail(int from, Inner to)
        {
            int moved = Count - from;
            Lowest[from..Count].CopyTo(to.Lowest);
            Children[from..Count].CopyTo(to.Children);
            to.Count = moved;
            Shrink(from);
        }

        public void Clear() => Shrink(0);

        private void Shrink(int count)
        {
            Lowest[count..Count].Fill(Unused);
            Children[count..Count].Clear();
            Count = count;
        }
    }

    private sealed class Leaf : Node
    {
        private KeyArray _starts;
        private KeyArray _ends;
        private KeyArray _physical;
        private FlagArray _flags;

        public Leaf() => Starts.Fill(Unused);

        public Leaf? Previous { get; set; }

        public Leaf? Next { get; set; }

        public Span<ulong> Starts => _starts;

        public Span<ulong> Ends => _ends;

        private Span<ulong> Physical => _physical;

        private Span<byte> Flags => _flags;

        /// <summary>The last slot whose mapping starts at or below <paramref name="address"/>; -1 where there is none.</summary>
        public int LastAtMost(ulong address) => MappingTree.LastAtMost(_starts, Count, address);

        public Mapping At(int slot) => new(new(Starts[slot], Ends[slot]), Physical[slot], (MapFlags)Flags[slot]);

        /// <summary>The first slot whose mapping starts at or above <paramref name="key"/>; Count where there is none.</summary>
        public int SlotFrom(ulong key)
        {
            int slot = LastAtMost(key);
            return slot >= 0 && Starts[slot] == key ? slot : slot + 1;
        }

        public void Insert(int at, in Mapping mapping)
        {
            OpenGap(Starts, at, Count);
            OpenGap(Ends, at, Count);
            OpenGap(Physical, at, Count);
            OpenGap(Flags, at, Count);
            Starts[at] = mapping.Virtual.First;
            Ends[at] = mapping.Virtual.Last;
            Physical[at] = mapping.PhysStart;
            // The flags that can be set fit a byte: MAP rejects every other one.
            Flags[at] = (byte)mapping.Flags;
            Count++;
        }

        public void Remove(int from, int to)
        {
            CloseGap(Starts, from, to, Count);
            CloseGap(Ends, from, to, Count);
            CloseGap(Physical, from, to, Count);
            CloseGap(Flags, from, to, Count);
            Shrink(Count - (to - from));
        }

        /// <summary>Appends the mappings from a slot on to another leaf, whose keys are all lower.</summary>
        public void MoveTail(int from, Leaf to)
        {
            int moved = Count - from;
            Starts[from..Count].CopyTo(to.Starts[to.Count..]);
            Ends[from..Count].CopyTo(to.Ends[to.Count..]);
            Physical[from..Count].CopyTo(to.Physical[to.Count..]);
            Flags[from..Count].CopyTo(to.Flags[to.Count..]);
            to.Count += moved;
            Shrink(from);
        }

        private void Shrink(int count)
        {
            Starts[count..Count].Fill(Unused);
            Count = count;
        }
    }

    private static void OpenGap<T>(Span<T> items, int at, int count) => items[at..count].CopyTo(items[(at + 1)..]);

    private static void CloseGap<T>(Span<T> items, int from, int to, int count) => items[to..count].CopyTo(items[from..]);

    [InlineArray(Capacity)]
    private struct KeyArray
    {
        private ulong _first;
    }

    [InlineArray(Capacity)]
    private struct ChildArray
    {
        private Node? _first;
    }

    [InlineArray(Capacity)]
    private struct FlagArray
    {
        private byte _first;
    }
}
