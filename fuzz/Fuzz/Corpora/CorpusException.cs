namespace Viommu.Fuzz.Corpora;

/// <summary>A corpus cannot be read or written; the message is one line that says what and where.</summary>
internal sealed class CorpusException(string message, Exception? inner = null) : Exception(message, inner);
