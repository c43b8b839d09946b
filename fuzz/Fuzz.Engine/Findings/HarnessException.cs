namespace Viommu.Fuzz.Engine.Findings;

/// <summary>Something around the code under test failed, an oracle or a machine: nothing is said of the code under test.</summary>
/// <param name="input">The input that was run.</param>
/// <param name="failure">What was thrown.</param>
public sealed class HarnessException(byte[] input, Exception failure)
    : Exception($"the harness failed, and nothing is said of the device; please report it: {failure.GetType().Name}: {failure.Message}", failure)
{
    /// <summary>The input that was run.</summary>
    public IReadOnlyList<byte> Input { get; } = input;

    /// <summary>What was thrown, with where.</summary>
    public string Details => InnerException!.ToString();
}
