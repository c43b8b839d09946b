using Viommu.Conformance.Checks;
using Viommu.Guest.Driver;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Running;

/// <summary>What a device reset ought to have ended (DESC-IOMMU-01).</summary>
internal static class LeftoverDomains
{
    /// <summary>
    /// One of <paramref name="domains"/> that is still there; null where none is, or the driver has no way to ask. It is asked for by an UNMAP
    /// of all that the device can translate.
    /// </summary>
    public static uint? Find(IommuDriver driver, IEnumerable<uint> domains, InitialState device) =>
        driver.Has(Features.MapUnmap) ? Find(domain => driver.Unmap(domain, device.Translatable.First, device.Translatable.Last).Status, domains, device.MissingDomain) : null;

    /// <summary>
    /// The same by what <paramref name="unmap"/> is answered for a domain; null where that is no status. The answer for
    /// <paramref name="missing"/>, which nothing was ever attached to, is the measure.
    /// </summary>
    public static uint? Find(Func<uint, RequestStatus?> unmap, IEnumerable<uint> domains, uint missing)
    {
        RequestStatus? none = null;
        foreach (uint domain in domains)
        {
            if (domain == missing) continue;
            none ??= unmap(missing);
            if (!Tells(none)) return null;
            var answer = unmap(domain);
            if (Tells(answer) && answer != none) return domain;
        }

        return null;
    }

    // Of a device that is at its limits, or gives no status, nothing is known.
    private static bool Tells(RequestStatus? status) => status is not (null or RequestStatus.DevErr or RequestStatus.NoMem);
}
