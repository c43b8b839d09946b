using System.Reflection;
using Viommu.Fuzz.Engine.Instrumentation;
using Viommu.Fuzz.Tests.Samples;

namespace Viommu.Fuzz.Tests.Instrumentation;

/// <summary>The sample, instrumented.</summary>
internal sealed class Instrumented : IDisposable
{
    private readonly InstrumentedContext _context;
    private readonly Type _sample;

    public Instrumented(ProbeKind kind)
    {
        _context = new(AppContext.BaseDirectory, ["Viommu.Fuzz.Tests"], [], kind);
        _sample = _context.LoadFromAssemblyName(new AssemblyName("Viommu.Fuzz.Tests")).GetType(typeof(Sample).FullName!)!;
    }

    public EdgeTable Edges => _context.Edges;

    /// <summary>Calls a method of the sample; the counters are those of the call.</summary>
    public object? Call(string method, params object[] arguments)
    {
        _context.EdgeCounters.Clear();
        _context.Refuel();
        return _sample.GetMethod(method)!.Invoke(null, arguments);
    }

    /// <summary>What the last call reached: number of the edge, and how often.</summary>
    public Dictionary<int, int> Hits()
    {
        var hits = new Dictionary<int, int>();
        var counters = _context.EdgeCounters;
        for (int edge = 0; edge < counters.Length; edge++)
        {
            if (counters[edge] > 0) hits.Add(edge, counters[edge]);
        }

        return hits;
    }

    public void Dispose() => _context.Dispose();
}
