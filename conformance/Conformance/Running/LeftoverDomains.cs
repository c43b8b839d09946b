using Viommu.Guest.Driver;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Running;

/// <summary>What a device reset ought to have ended (DESC-IOMMU-01).</summary>
internal static class LeftoverDomains
{
    /// <summary>
    /// One of <paramref name="domains"/> that is still there; null where none is, or the driver has no way to ask. It is asked for by an UNMAP
    /// of all of <paramref name="range"/> (inclusive), for which the answer for a domain that nothing was ever attached to is the measure.
    /// </summary>
    public static uint? Find(IommuDriver driver, IEnumerable<uint> domains, uint missing, (ulong First, ulong Last) range)
    {
        if (!driver.Has(Features.MapUnmap)) return null;
        RequestStatus? none = null;
        foreach (uint domain in domains)
        {
            if (domain == missing) continue;
            none ??= Unmap(missing);
            if (Unmap(domain) != none) return domain;
        }

        return null;

        RequestStatus? Unmap(uint domain) => driver.Unmap(domain, range.First, range.Last).Status;
    }
}
