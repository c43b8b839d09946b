using Viommu.Device.Memory;
using Viommu.Device.Topology;

namespace Viommu.Device.Iommu;

/// <summary>
/// A domain, which exists exactly while endpoints are attached to it (section 5.13.6.4). One that ceased to exist is kept for reuse,
/// so that attaching and detaching does not allocate.
/// </summary>
internal sealed class Domain
{
    // Which regions the attached endpoints have, and how many of them have those.
    private readonly Dictionary<ReservedRegions, int> _reserved = [];

    public uint Id { get; private set; }

    /// <summary>Attached endpoints are in bypass mode, and there are no mappings.</summary>
    public bool IsBypass { get; private set; }

    /// <summary>Attached endpoints.</summary>
    public int EndpointCount { get; private set; }

    public MappingTree Mappings { get; } = new();

    public void Begin(uint id, bool isBypass)
    {
        Id = id;
        IsBypass = isBypass;
    }

    public void End()
    {
        EndpointCount = 0;
        _reserved.Clear();
        Mappings.Clear();
    }

    /// <summary>An endpoint with these reserved regions is attached.</summary>
    public void Enter(ReservedRegions reserved)
    {
        EndpointCount++;
        _reserved[reserved] = _reserved.GetValueOrDefault(reserved) + 1;
    }

    /// <summary>An endpoint with these reserved regions is detached.</summary>
    public void Leave(ReservedRegions reserved)
    {
        EndpointCount--;
        if (--_reserved[reserved] == 0) _reserved.Remove(reserved);
    }

    /// <summary>True where the range touches a region that is reserved for any of the endpoints.</summary>
    public bool IsReserved(AddressRange range)
    {
        foreach (var regions in _reserved.Keys)
        {
            if (regions.Overlaps(range)) return true;
        }

        return false;
    }
}
