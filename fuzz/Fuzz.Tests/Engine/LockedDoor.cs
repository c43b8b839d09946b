using System.Buffers.Binary;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Engine.Mutation;

namespace Viommu.Fuzz.Tests.Engine;

/// <summary>
/// A target whose coverage is told by hand: a lock of several digits, each of which opens only after the one before. Behind it something is
/// broken. It is deterministic unless it is told not to be.
/// </summary>
internal sealed class LockedDoor(int digits, bool isMoody = false) : IExecutor
{
    public const ulong Magic = 0x5eed_1234_c0ff_ee00;

    private readonly byte[] _counters = new byte[CounterMap.Block];
    private int _calls;

    public static InputShape Shape { get; } = new()
    {
        HeaderSize = 8,
        RecordSize = 4,
        MaximumRecords = 16,
        Header = [new("magic", 0, 8, FieldKind.Number, 1)],
        Kinds = [new("turn", 1, new Field("digit", 1, 1, FieldKind.Choice, [.. Enumerable.Range(0, 10).Select(digit => (ulong)digit)]))],
    };

    public Span<byte> Counters => _counters;

    public Observations Observations { get; } = new(32);

    /// <summary>Inputs that opened three digits or more.</summary>
    public int Deep { get; private set; }

    public Finding? Execute(ReadOnlySpan<byte> input)
    {
        Observations.Begin();
        if (isMoody) Observations.Saw((ulong)_calls++);
        int open = 0;
        for (int i = 0; i < Shape.RecordsIn(input.Length); i++)
        {
            if (input[8 + (4 * i) + 1] != (7 * (open + 1)) % 10) continue;
            _counters[open]++;
            Observations.Visit(open);
            if (++open == digits) return new(new("door-stays-shut", "", "", ""), "the door is open", "");
        }

        if (open >= 3) Deep++;
        return input.Length >= 8 && BinaryPrimitives.ReadUInt64LittleEndian(input) == Magic ? new(new("magic-is-unknown", "", "", ""), "the word is known", "") : null;
    }

    public Finding? LogComparisons(ReadOnlySpan<byte> input, ComparisonLog log)
    {
        if (input.Length >= 8) log.Add(BinaryPrimitives.ReadUInt64LittleEndian(input), Magic, 8);
        return null;
    }

    public bool IsDisposed { get; private set; }

    public void Dispose() => IsDisposed = true;
}
