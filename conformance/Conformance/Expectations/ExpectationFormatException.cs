namespace Viommu.Conformance.Expectations;

/// <summary>An expectations file that cannot be used; the message names file, line and cause.</summary>
internal sealed class ExpectationFormatException(string message, Exception? inner = null) : Exception(message, inner);
