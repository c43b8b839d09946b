using Viommu.Fuzz.Engine.Coverage;

namespace Viommu.Fuzz.Engine;

/// <summary>
/// Something that inputs are run on. It is used by one thread, and whatever an input did is gone before the next one: the same input
/// always does the same.
/// </summary>
public interface IFuzzTarget : IDisposable
{
    /// <summary>
    /// Runs one input. Every byte string is one. What is broken throws: <see cref="Findings.BrokenInvariantException"/> where an oracle
    /// says so, anything else where the code under test threw what it should not.
    /// </summary>
    void Execute(ReadOnlySpan<byte> input, Observations observations);
}
