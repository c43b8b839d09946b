using Viommu.Device.Memory;

namespace Viommu.Device.Iommu;

/// <summary>Accesses that endpoints make through the IOMMU: any length at any address, spanning mappings.</summary>
public interface IEndpointDma
{
    /// <summary>
    /// The endpoint reads <c>into.Length</c> bytes at <paramref name="at"/>. An access that is refused anywhere along the way stops
    /// at the first refused byte; bytes before it have been transferred.
    /// </summary>
    DmaResult Read(uint endpoint, IoVirtualAddress at, Span<byte> into);

    /// <summary>The endpoint writes <paramref name="bytes"/> at <paramref name="at"/>; refused as <see cref="Read"/> is.</summary>
    DmaResult Write(uint endpoint, IoVirtualAddress at, ReadOnlySpan<byte> bytes);
}

/// <summary>What became of an access.</summary>
/// <param name="Outcome">Whether it went through, or what stopped it.</param>
/// <param name="Transferred">Bytes transferred before it stopped.</param>
public readonly record struct DmaResult(DmaOutcome Outcome, ulong Transferred);

/// <summary>Why an access stopped.</summary>
public enum DmaOutcome
{
    /// <summary>Every byte was transferred.</summary>
    Completed,

    /// <summary>The endpoint is attached to no domain and not in bypass mode (fault reason DOMAIN).</summary>
    NotAttached,

    /// <summary>No mapping covers the address, or its flags forbid the access (fault reason MAPPING).</summary>
    NotMapped,

    /// <summary>Translation allowed the access but no guest memory is at the resulting address.</summary>
    NoMemory,

    /// <summary>The device manages no such endpoint.</summary>
    UnknownEndpoint,
}
