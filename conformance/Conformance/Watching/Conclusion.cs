using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching;

/// <summary>
/// What passes between a driver and its users. It is seen only where the watcher stands on both sides of the driver, and it is the only
/// way to see that a driver ignores what it has to ignore.
/// </summary>
public abstract record Conclusion : Observation;

/// <summary>The driver told its user whether a request succeeded.</summary>
public sealed record RequestConcluded(SentRequest Request, Outcome Outcome, bool Succeeded) : Conclusion
{
    /// <inheritdoc/>
    protected override string Describe() => $"the driver reports {(Succeeded ? "success" : "failure")} of {Request}";
}

/// <summary>The driver told its user which regions of an endpoint must not be mapped, having read these properties.</summary>
public sealed record RegionsConcluded(uint Endpoint, byte[] Properties, IReadOnlyList<ReservedRange> Regions) : Conclusion
{
    /// <inheritdoc/>
    protected override string Describe() => $"the driver reserves for endpoint 0x{Endpoint:x}: {(Regions.Count == 0 ? "nothing" : string.Join(", ", Regions))}";
}

/// <summary>A range of virtual addresses that a driver keeps clear.</summary>
/// <param name="Start">First address.</param>
/// <param name="End">Last address.</param>
/// <param name="IsMessage">True where messages of interrupts go through it.</param>
public readonly record struct ReservedRange(ulong Start, ulong End, bool IsMessage)
{
    /// <inheritdoc/>
    public override string ToString() => $"0x{Start:x}..0x{End:x}{(IsMessage ? " (MSI)" : "")}";
}

/// <summary>The driver took in a fault report, and told its user of it, or did not.</summary>
/// <param name="Delivered">What the device wrote.</param>
/// <param name="Told">What the user was told; null where it was told nothing.</param>
public sealed record FaultConcluded(FaultReport Delivered, ToldFault? Told) : Conclusion
{
    /// <inheritdoc/>
    protected override string Describe() => $"the driver makes of {Delivered}: {Told?.ToString() ?? "nothing"}";
}

/// <summary>What a user is told of a fault.</summary>
/// <param name="Reason">A reason of the spec.</param>
/// <param name="Endpoint">The endpoint.</param>
/// <param name="IsRead">The access was a read.</param>
/// <param name="IsWrite">The access was a write.</param>
/// <param name="Address">The address; null where none was reported.</param>
public sealed record ToldFault(byte Reason, uint Endpoint, bool IsRead, bool IsWrite, ulong? Address)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"reason {Reason}, endpoint 0x{Endpoint:x}{(IsRead ? ", read" : "")}{(IsWrite ? ", write" : "")}{(Address is { } at ? $", address 0x{at:x}" : "")}";
}

/// <summary>The driver told its user what the configuration says.</summary>
public sealed record ConfigConcluded(IommuConfig Config, bool Bypass) : Conclusion
{
    /// <inheritdoc/>
    protected override string Describe() => $"the driver takes the configuration for {Config}, bypass {(Bypass ? "on" : "off")}";
}

/// <summary>The driver told its user whether the device can be used.</summary>
public sealed record StartConcluded(bool Works, string Why) : Conclusion
{
    /// <inheritdoc/>
    protected override string Describe() => Works ? "the driver has the device running" : $"the driver gives up: {Why}";
}

/// <summary>The driver found no device that it can drive.</summary>
/// <param name="Error">What it reported; null where it went by without a word.</param>
public sealed record DeviceIgnored(string? Error) : Conclusion
{
    /// <inheritdoc/>
    protected override string Describe() => Error is null ? "the driver goes by" : $"the driver finds no device: {Error}";
}

/// <summary>The driver told its user that a queue is out of use, without a reset of the device or of the queue.</summary>
public sealed record QueueStopped(int Queue) : Conclusion
{
    /// <inheritdoc/>
    protected override string Describe() => $"the driver has stopped queue {Queue}";
}

/// <summary>The driver's user asked for memory to be reachable by the endpoints of a domain; the requests that this takes follow.</summary>
/// <param name="Domain">The domain.</param>
/// <param name="Physical">What is to be reached.</param>
/// <param name="ForReading">Endpoints are to read it.</param>
public sealed record MappingAsked(uint Domain, ulong Physical, bool ForReading) : Conclusion
{
    /// <inheritdoc/>
    protected override string Describe() => $"the user asks for 0x{Physical:x} in domain {Domain}{(ForReading ? " for reading" : "")}";
}
