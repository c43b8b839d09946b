namespace Viommu.Conformance.Program;

/// <summary>Standard output takes no more, as on a full disk; the message is one line that says why.</summary>
internal sealed class OutputException(IOException refusal) : Exception($"cannot write standard output: {refusal.Message}", refusal);
