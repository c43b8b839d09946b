using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Coverage;

namespace Viommu.Fuzz.Tests.Engine;

public sealed class BoundedMemoryTests
{
    [Fact]
    public void An_input_that_makes_the_target_allocate_is_a_finding_each_time()
    {
        using var executor = new TargetExecutor(() => new Hoarder(times: int.MaxValue), 1);
        Assert.Equal("bounded-memory", executor.Execute([1])?.Key.Rule);
        Assert.Equal("bounded-memory", executor.Execute([1])?.Key.Rule);
    }

    [Fact]
    public void What_is_made_once_is_not_the_doing_of_the_first_input()
    {
        using var executor = new TargetExecutor(() => new Hoarder(times: 1), 1);
        Assert.Null(executor.Execute([1]));
    }

    [Fact]
    public void Where_it_is_not_bounded_nothing_is_said_of_it()
    {
        using var executor = new TargetExecutor(() => new Hoarder(times: int.MaxValue), 1) { MostMemory = long.MaxValue };
        Assert.Null(executor.Execute([1]));
    }

    private sealed class Hoarder(int times) : IFuzzTarget
    {
        private byte[]? _held;
        private int _left = times;

        public void Execute(ReadOnlySpan<byte> input, Observations observations)
        {
            if (_left-- > 0) _held = new byte[2 * TargetExecutor.MemoryPerInput];
            observations.Saw((ulong)(_held?.Length ?? 0));
        }

        public void Dispose()
        {
        }
    }
}
