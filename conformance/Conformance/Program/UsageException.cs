namespace Viommu.Conformance.Program;

/// <summary>The user asked for something that makes no sense; the message is one line that says what.</summary>
internal sealed class UsageException(string message) : Exception(message);
