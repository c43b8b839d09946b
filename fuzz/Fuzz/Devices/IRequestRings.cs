using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Devices;

/// <summary>The two rings of a device outside of this process: requests go out and come back, fault reports come in.</summary>
internal interface IRequestRings
{
    /// <summary>Requests that were put and not taken back.</summary>
    int Outstanding { get; }

    /// <summary>True where one more request can be put.</summary>
    bool HasRoom { get; }

    /// <summary>True where the device has returned the next request.</summary>
    bool HasNext { get; }

    /// <summary>The whole writable part of the request that was taken last.</summary>
    ReadOnlySpan<byte> Reply { get; }

    /// <summary>Puts a request into the next place; at least one part must not be empty. It can be cut otherwise where the ring has no way to do it so.</summary>
    void Put(ReadOnlySpan<byte> readable, int writable, Framing framing);

    /// <summary>
    /// Takes the next request back; its used length. Requests are expected in the order in which they were sent, which
    /// <paramref name="isInOrder"/> denies: the device is free in that, and whoever batches has to stop doing so.
    /// <paramref name="isGuarded"/> denies that nothing beside the writable part was written.
    /// </summary>
    uint Take(out bool isInOrder, out bool isGuarded);

    /// <summary>The next event buffer that came back, which is offered again; false where there is none.</summary>
    bool TryTakeReport(Span<byte> into, out uint usedLength);
}
