using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Instrumentation;
using Viommu.Fuzz.Tests.Samples;

namespace Viommu.Fuzz.Tests.Instrumentation;

public sealed class ComparisonProbesTests : IDisposable
{
    private readonly Instrumented _code = new(ProbeKind.Comparisons);
    private readonly ComparisonLog _log = new();

    public ComparisonProbesTests() => ComparisonLog.Current = _log;

    public void Dispose()
    {
        ComparisonLog.Current = null;
        _code.Dispose();
    }

    [Fact]
    public void Both_operands_of_a_32_bit_comparison_are_logged()
    {
        Assert.False((bool)_code.Call(nameof(Sample.Magic), 7u)!);
        Assert.Contains(new Comparison(7, 0xdead_beef, 4), _log.Pairs);
    }

    [Fact]
    public void Both_operands_of_a_64_bit_comparison_are_logged()
    {
        Assert.False((bool)_code.Call(nameof(Sample.Long), 9ul)!);
        Assert.Contains(new Comparison(9, 0x0123_4567_89ab_cdef, 8), _log.Pairs);
    }

    [Fact]
    public void Code_with_probes_computes_what_it_did_before()
    {
        foreach (int value in (int[])[0, 3, 12, 101])
        {
            Assert.Equal(Sample.Branches(value), _code.Call(nameof(Sample.Branches), value));
            Assert.Equal(Sample.Iterator(value), (IEnumerable<int>)_code.Call(nameof(Sample.Iterator), value)!);
        }
    }
}
