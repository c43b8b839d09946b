using System.Reflection;
using System.Runtime.Loader;
using Viommu.Fuzz.Engine.Coverage;

namespace Viommu.Fuzz.Engine.Instrumentation;

/// <summary>
/// A world of its own in this process: the instrumented assemblies, rewritten in memory as they are loaded, and everything that refers to
/// them, loaded a second time so that it meets the instrumented ones. The engine is shared with the rest of the process, so that targets
/// made in here are called like any object. Each has counters of its own, whose addresses are literals in its code: threads with a
/// context each share nothing and look nothing up.
/// </summary>
public sealed unsafe class InstrumentedContext : AssemblyLoadContext, IDisposable
{
    /// <summary>Loops that one input may go round before it counts as endless.</summary>
    public const int FuelPerInput = 1 << 20;

    private readonly IReadOnlyDictionary<string, RewrittenImage> _images;
    private readonly IReadOnlySet<string> _companions;
    private readonly string _folder;
    private CounterMap? _counters;

    /// <summary>Rewrites the assemblies.</summary>
    /// <param name="folder">Where the assemblies are.</param>
    /// <param name="instrumented">Simple names of those to rewrite.</param>
    /// <param name="companions">Simple names of those that refer to them.</param>
    /// <param name="kind">What is put into the code.</param>
    public InstrumentedContext(string folder, IReadOnlyCollection<string> instrumented, IEnumerable<string> companions, ProbeKind kind)
        : base($"instrumented with {kind}")
    {
        Kind = kind;
        _folder = folder;
        _companions = companions.ToHashSet();
        _images = new AssemblyRewriter(kind, Edges, Reserve).Rewrite(instrumented.Select(PathOf));
    }

    /// <summary>What was put into the code.</summary>
    public ProbeKind Kind { get; }

    /// <summary>What the counters stand for.</summary>
    public EdgeTable Edges { get; } = new();

    /// <summary>A counter for each edge.</summary>
    public CounterMap Counters => _counters!;

    // It lies behind the last counter, in the same block of memory.
    private int* Fuel => (int*)(Counters.Address + Counters.Length - sizeof(int));

    /// <summary>The counters that edges use, without what else is in their block.</summary>
    public Span<byte> EdgeCounters => Counters.Counters[..^CounterMap.Block];

    /// <summary>Fills up the fuel, before each input.</summary>
    public void Refuel() => *Fuel = FuelPerInput;

    /// <summary>Loops that went round since the last <see cref="Refuel"/>.</summary>
    public int FuelUsed => FuelPerInput - *Fuel;

    /// <inheritdoc/>
    public void Dispose() => _counters?.Dispose();

    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName assemblyName)
    {
        string name = assemblyName.Name ?? "";
        if (_images.TryGetValue(name, out var image))
        {
            using var code = new MemoryStream(image.Image);
            using var symbols = image.Symbols is null ? null : new MemoryStream(image.Symbols);
            return LoadFromStream(code, symbols);
        }

        return _companions.Contains(name) ? LoadFromAssemblyPath(PathOf(name)) : null;
    }

    private ProbeAddresses Reserve(int edges)
    {
        _counters = new(edges + CounterMap.Block);
        Refuel();
        return new(_counters.Address, (nint)Fuel);
    }

    private string PathOf(string name) => Path.Combine(_folder, $"{name}.dll");
}
