namespace Viommu.Conformance.Checks;

/// <summary>The device does not do what the clause asks for.</summary>
/// <param name="expected">Every answer that would have been accepted.</param>
/// <param name="actual">What the device did.</param>
internal sealed class ExpectationFailedException(string expected, string actual) : Exception($"expected {expected}, got {actual}")
{
    public string Expected { get; } = expected;

    public string Actual { get; } = actual;
}

/// <summary>The rule does not apply to this device; the message names the feature or capability that decided it.</summary>
internal sealed class NotApplicableException(string reason) : Exception(reason);
