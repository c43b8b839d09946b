namespace Viommu.Fuzz.Engine.Instrumentation;

/// <summary>What one counter stands for.</summary>
/// <param name="Method">The method, as a stack trace names it.</param>
/// <param name="File">The source file; empty where there are no symbols.</param>
/// <param name="Line">The first line of what the edge leads to; 0 where it is not known.</param>
/// <param name="Lines">The lines that are executed whenever the edge is taken.</param>
public sealed record Edge(string Method, string File, int Line, IReadOnlyList<int> Lines);

/// <summary>Every edge of the instrumented assemblies; the position is the number of its counter.</summary>
public sealed class EdgeTable
{
    private readonly List<Edge> _edges = [];

    /// <summary>The edges.</summary>
    public IReadOnlyList<Edge> Edges => _edges;

    /// <summary>Literals in the code: values worth trying.</summary>
    public HashSet<ulong> Literals { get; } = [];

    internal int Add(Edge edge)
    {
        _edges.Add(edge);
        return _edges.Count - 1;
    }
}
