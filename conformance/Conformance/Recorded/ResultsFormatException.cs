namespace Viommu.Conformance.Recorded;

/// <summary>A results file is not what it has to be; the message names file, line and cause.</summary>
internal sealed class ResultsFormatException(string message, Exception? inner = null) : Exception(message, inner);
