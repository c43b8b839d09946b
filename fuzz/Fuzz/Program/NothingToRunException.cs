namespace Viommu.Fuzz.Program;

/// <summary>There is nothing that could be run, so that nothing is said of any device; the message is one line that says what to do.</summary>
internal sealed class NothingToRunException(string message) : Exception($"nothing to run: {message}");
