using Viommu.Device.Memory;
using Viommu.Device.Topology;

namespace Viommu.Device.Iommu;

/// <summary>
/// A domain, which exists exactly while endpoints are attached to it (section 5.13.6.4). One that ceased to exist is kept for reuse,
/// so that attaching and detaching does not allocate.
/// </summary>
internal sealed class Domain
{
    public uint Id { get; private set; }

    /// <summary>Attached endpoints are in bypass mode, and there are no mappings.</summary>
    public bool IsBypass { get; private set; }

    public List<Endpoint> Endpoints { get; } = [];

    public MappingTree Mappings { get; } = new();

    public void Begin(uint id, bool isBypass)
    {
        Id = id;
        IsBypass = isBypass;
    }

    public void End() => Mappings.Clear();

    /// <summary>True where the range touches a region that is reserved for any of the endpoints.</summary>
    public bool IsReserved(AddressRange range)
    {
        foreach (var endpoint in Endpoints)
        {
            foreach (ref readonly var region in endpoint.Reserved)
            {
                if (region.Range.Overlaps(range)) return true;
            }
        }

        return false;
    }
}
