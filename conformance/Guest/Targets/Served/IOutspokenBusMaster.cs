namespace Viommu.Guest.Targets.Served;

/// <summary>An endpoint that tells what became of its accesses, for those who pass it on to a guest elsewhere.</summary>
internal interface IOutspokenBusMaster
{
    /// <summary>The endpoint ID.</summary>
    uint EndpointId { get; }

    /// <summary>Reads at <paramref name="iova"/>; false where the access was refused on its way, behind the bytes that are <paramref name="transferred"/>.</summary>
    bool TryRead(ulong iova, Span<byte> into, out int transferred);

    /// <summary>Writes at <paramref name="iova"/>; false where the access was refused on its way.</summary>
    bool TryWrite(ulong iova, ReadOnlySpan<byte> bytes);
}
