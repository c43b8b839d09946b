using Viommu.Device.Iommu;

namespace Viommu.Device.Topology;

/// <summary>An endpoint and where it is attached, as of now.</summary>
/// <param name="Id">The endpoint ID.</param>
/// <param name="Reserved">Its reserved regions.</param>
/// <param name="Domain">The domain that it is attached to, if any: one at a time.</param>
internal readonly record struct Endpoint(uint Id, ReservedRegions Reserved, Domain? Domain);
