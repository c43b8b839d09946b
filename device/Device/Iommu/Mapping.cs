using Viommu.Device.Memory;
using Viommu.Device.Wire;

namespace Viommu.Device.Iommu;

/// <summary>What one MAP request made. Adjacent mappings stay two: UNMAP must not split one (section 5.13.6.6).</summary>
internal readonly record struct Mapping(AddressRange Virtual, ulong PhysStart, MapFlags Flags);
