using System.Reflection;
using Viommu.Fuzz.Engine.Instrumentation;
using Viommu.Fuzz.Tests.Samples;

namespace Viommu.Fuzz.Tests.Instrumentation;

public sealed class EdgeProbesTests : IDisposable
{
    private readonly Instrumented _code = new(ProbeKind.Edges);

    public void Dispose() => _code.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(12)]
    [InlineData(101)]
    public void Instrumented_code_computes_what_it_did_before(int value)
    {
        Assert.Equal(Sample.Branches(value), _code.Call(nameof(Sample.Branches), value));
        Assert.Equal(Sample.Switches(value), _code.Call(nameof(Sample.Switches), value));
        Assert.Equal(Sample.Handlers(value), _code.Call(nameof(Sample.Handlers), value));
        Assert.Equal(Sample.Iterator(value), (IEnumerable<int>)_code.Call(nameof(Sample.Iterator), value)!);
    }

    [Fact]
    public void Every_case_of_a_switch_is_an_edge_of_its_own()
    {
        var seen = new HashSet<string>();
        foreach (int value in (int[])[0, 1, 2, 3, 9])
        {
            _code.Call(nameof(Sample.Switches), value);
            Assert.True(seen.Add(string.Join(' ', _code.Hits().Keys.Order())), $"{value} takes a path that an earlier case took");
        }
    }

    [Fact]
    public void A_counter_counts_how_often_its_edge_is_taken_modulo_256()
    {
        _code.Call(nameof(Sample.Branches), 7);
        Assert.Contains(7, _code.Hits().Values);
        _code.Call(nameof(Sample.Branches), 1000);
        Assert.Contains(1000 % 256, _code.Hits().Values);
    }

    [Fact]
    public void A_handler_that_is_entered_is_an_edge()
    {
        _code.Call(nameof(Sample.Handlers), 1);
        var without = _code.Hits();
        _code.Call(nameof(Sample.Handlers), 0);
        Assert.NotEmpty(_code.Hits().Keys.Except(without.Keys));
    }

    [Fact]
    public void Edges_know_their_method_and_their_line()
    {
        _code.Call(nameof(Sample.Switches), 1);
        var edges = _code.Hits().Keys.Select(edge => _code.Edges.Edges[edge]).ToList();
        Assert.All(edges, edge => Assert.EndsWith("Sample.Switches", edge.Method));
        Assert.All(edges, edge => Assert.EndsWith("Sample.cs", edge.File));
        Assert.All(edges, edge => Assert.True(edge.Line > 0));
    }

    [Fact]
    public void A_loop_without_an_end_runs_out_of_fuel()
    {
        var thrown = Assert.Throws<TargetInvocationException>(() => _code.Call(nameof(Sample.Forever)));
        Assert.IsType<OutOfFuelException>(thrown.InnerException);
    }

    [Fact]
    public void Recursion_without_an_end_runs_out_of_fuel_before_it_runs_out_of_stack()
    {
        Exception? thrown = null;
        var thread = new Thread(() => thrown = Record.Exception(() => _code.Call(nameof(Sample.Deep), 1)), 256 << 20);
        thread.Start();
        thread.Join();
        Assert.IsType<OutOfFuelException>(Assert.IsType<TargetInvocationException>(thrown).InnerException);
    }

    [Fact]
    public void Rewriting_the_same_assembly_numbers_the_edges_in_the_same_way()
    {
        using var again = new Instrumented(ProbeKind.Edges);
        Assert.Equal(_code.Edges.Edges.Select(edge => (edge.Method, edge.Line)), again.Edges.Edges.Select(edge => (edge.Method, edge.Line)));
    }

    [Fact]
    public void Two_contexts_have_counters_of_their_own()
    {
        using var other = new Instrumented(ProbeKind.Edges);
        _code.Call(nameof(Sample.Branches), 7);
        Assert.Empty(other.Hits());
    }

    [Fact]
    public void Literals_of_the_code_are_collected() => Assert.Contains(0x0123_4567_89ab_cdefUL, _code.Edges.Literals);
}
