namespace Viommu.Fuzz.Devices;

/// <summary>How much can be told of what a device makes of its rings.</summary>
internal enum RingTrust
{
    /// <summary>What it has to do is known.</summary>
    Exact,

    /// <summary>Where it may write is known.</summary>
    Bounds,

    /// <summary>Nothing: what it reads depends on what it has written.</summary>
    None,
}
