namespace Viommu.Conformance.Watching.Traces;

/// <summary>A trace is not what it has to be; the message begins with file and line.</summary>
public sealed class TraceFormatException : Exception
{
    internal TraceFormatException(string path, long line, string problem) : base($"{path}:{line}: {problem}")
    {
    }

    internal TraceFormatException(string path, string problem, Exception? inner = null) : base($"{path}: {problem}", inner)
    {
    }
}
