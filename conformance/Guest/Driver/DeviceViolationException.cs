namespace Viommu.Guest.Driver;

/// <summary>
/// The device broke a ground rule that every request relies on (it returned a chain that was not lent to it, or wrote memory that
/// was not), so that what a check wanted to see can no longer be seen. A finding, whatever the check.
/// </summary>
/// <param name="clause">The clause of the catalogue that it broke.</param>
/// <param name="expected">What the clause asks for.</param>
/// <param name="actual">What the device did.</param>
public sealed class DeviceViolationException(string clause, string expected, string actual) : Exception($"{clause}: {actual}")
{
    /// <summary>The clause that was broken.</summary>
    public string Clause { get; } = clause;

    /// <summary>What the clause asks for.</summary>
    public string Expected { get; } = expected;

    /// <summary>What the device did.</summary>
    public string Actual { get; } = actual;
}
