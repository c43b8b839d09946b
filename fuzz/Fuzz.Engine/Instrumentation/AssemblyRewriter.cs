using Mono.Cecil;
using Mono.Cecil.Cil;
using Mono.Cecil.Rocks;

namespace Viommu.Fuzz.Engine.Instrumentation;

/// <summary>What is put into the code.</summary>
public enum ProbeKind
{
    /// <summary>A counter on every edge, and a bound on loops.</summary>
    Edges,

    /// <summary>Calls that hand over the operands of comparisons, and a bound on loops.</summary>
    Comparisons,
}

/// <summary>
/// Rewrites an assembly in memory. Edges are numbered one after the other, so that no two share a counter; the rewriting of the same
/// assembly always gives the same numbers.
/// </summary>
/// <param name="kind">What is put into the code.</param>
/// <param name="edges">Where the edges go.</param>
/// <param name="reserve">Gives the address of the counters, once their number is known; the fuel is beside them.</param>
internal sealed class AssemblyRewriter(ProbeKind kind, EdgeTable edges, Func<int, ProbeAddresses> reserve)
{
    // Beyond this the JIT would hardly have inlined the method before it was rewritten.
    private const int InlinedBefore = 64;

    /// <summary>Rewrites the assemblies, which are read whole and not touched on disk; by simple name, image and symbols of each.</summary>
    public IReadOnlyDictionary<string, RewrittenImage> Rewrite(IEnumerable<string> paths)
    {
        var modules = paths.Select(Read).ToList();
        var graphs = new List<(MethodDefinition Method, MethodGraph Graph)>();
        foreach (var method in modules.SelectMany(module => module.GetTypes()).SelectMany(type => type.Methods).Where(method => method.HasBody))
        {
            var graph = new MethodGraph(method);
            method.Body.SimplifyMacros();
            graph.Analyse(edges);
            graphs.Add((method, graph));
        }

        var addresses = reserve(edges.Edges.Count);
        foreach (var (method, graph) in graphs)
        {
            bool wasSmall = method.Body.CodeSize is > 0 and <= InlinedBefore && !method.Body.HasExceptionHandlers && !method.NoInlining;
            if (kind == ProbeKind.Edges) new EdgeProbes(method, graph, addresses).Insert();
            else new ComparisonProbes(method).Insert();
            new FuelProbes(method, graph, addresses).Insert();
            if (wasSmall && kind == ProbeKind.Edges) method.AggressiveInlining = true;
            method.Body.OptimizeMacros();
        }

        return modules.ToDictionary(module => module.Assembly.Name.Name, Write);
    }

    private static ModuleDefinition Read(string path)
    {
        var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(Path.GetDirectoryName(path));
        bool hasSymbols = File.Exists(Path.ChangeExtension(path, ".pdb"));
        return ModuleDefinition.ReadModule(path, new ReaderParameters { InMemory = true, ReadSymbols = hasSymbols, AssemblyResolver = resolver });
    }

    private static RewrittenImage Write(ModuleDefinition module)
    {
        using var image = new MemoryStream();
        using var symbols = new MemoryStream();
        bool hasSymbols = module.HasSymbols;
        module.Write(image, hasSymbols
            ? new WriterParameters { WriteSymbols = true, SymbolStream = symbols, SymbolWriterProvider = new PortablePdbWriterProvider() }
            : new WriterParameters());
        module.Dispose();
        return new(image.ToArray(), hasSymbols ? symbols.ToArray() : null);
    }
}

/// <summary>Where the counters and the fuel are, which instrumented code has as literals.</summary>
internal readonly record struct ProbeAddresses(long Counters, long Fuel);

/// <summary>An assembly as it is loaded.</summary>
internal sealed record RewrittenImage(byte[] Image, byte[]? Symbols);
