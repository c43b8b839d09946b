using System.Diagnostics;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Engine.Mutation;

namespace Viommu.Fuzz.Engine.Minimization;

/// <summary>
/// Makes an input as small and as simple as it can be while it still shows the same finding: first fewer records, then fields toward their
/// simplest values, then single bytes. What shows another finding, or none, is never taken over.
/// </summary>
/// <param name="run">Runs an input and says what it breaks.</param>
/// <param name="shape">Layout of the inputs.</param>
/// <param name="key">The finding that is to stay the same.</param>
public sealed class Minimizer(Func<byte[], Finding?> run, InputShape shape, FindingKey key)
{
    private readonly Stopwatch _clock = new();
    private byte[] _best = [];

    /// <summary>Runs inputs on an executor that nobody else looks at meanwhile.</summary>
    public Minimizer(IExecutor executor, InputShape shape, FindingKey key)
        : this(input => Run(executor, input), shape, key)
    {
    }

    /// <summary>Executions after which it takes what it has.</summary>
    public int MaximumExecutions { get; init; } = int.MaxValue;

    /// <summary>The time after which it takes what it has.</summary>
    public TimeSpan MaximumTime { get; init; } = TimeSpan.MaxValue;

    /// <summary>Executions so far.</summary>
    public int Executions { get; private set; }

    /// <summary>The smallest input found; the one given where that does not show the finding at all.</summary>
    public byte[] Minimize(byte[] input)
    {
        _clock.Restart();
        _best = [.. input];
        if (!Shows(_best)) return _best;
        int before;
        do
        {
            before = Weight(_best);
            _best = RecordRemoval.Shorten(shape, _best, int.MaxValue, Shows);
            SimplifyFields();
            SimplifyBytes();
        }
        while (Weight(_best) < before);
        return _best;
    }

    // Shorter is simpler, and so are zeroes.
    private static int Weight(byte[] input) => (input.Length * 256) + input.Count(value => value != 0);

    private static Finding? Run(IExecutor executor, byte[] input)
    {
        var finding = executor.Execute(input);
        executor.Counters.Clear();
        return finding;
    }

    private bool Shows(byte[] candidate)
    {
        if (Executions >= MaximumExecutions || _clock.Elapsed >= MaximumTime) return false;
        Executions++;
        return run(candidate)?.Key == key;
    }

    private bool TryTake(byte[] candidate)
    {
        if (!Shows(candidate)) return false;
        _best = candidate;
        return true;
    }

    private void SimplifyFields()
    {
        foreach (var field in shape.Header) Simplify(0, field);
        if (shape.IsBytes) return;
        for (int record = 0; record < shape.RecordsIn(_best.Length); record++)
        {
            int at = shape.HeaderSize + (record * shape.RecordSize);
            foreach (var field in shape.Kinds[shape.KindOf(_best[at])].Fields) Simplify(at, field);
        }
    }

    private void Simplify(int at, Field field)
    {
        ulong now = FieldMutator.Read(_best.AsSpan(at + field.Offset, field.Width));
        // What the target suggests is what people recognise; among it the smallest that will do.
        foreach (ulong candidate in (ulong[])[0, .. field.Values.Order(), now & ~0xfffUL, now | 0xfff])
        {
            if (candidate == now) return;
            if (candidate > now && field.Kind is not FieldKind.End) continue;
            var copy = (byte[])_best.Clone();
            FieldMutator.Write(copy.AsSpan(at + field.Offset, field.Width), candidate);
            if (TryTake(copy)) return;
        }
    }

    private void SimplifyBytes()
    {
        for (int i = 0; i < _best.Length; i++)
        {
            if (_best[i] == 0 || !shape.IsBytes && (i - shape.HeaderSize) % shape.RecordSize == 0) continue;
            var copy = (byte[])_best.Clone();
            copy[i] = 0;
            TryTake(copy);
        }
    }
}
