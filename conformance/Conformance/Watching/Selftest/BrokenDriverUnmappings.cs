using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>Drivers that break rules of UNMAP requests (5.13.6.6).</summary>
internal static class BrokenDriverUnmappings
{
    public static IEnumerable<BrokenDriver> All() =>
    [
        new("leaves junk in the reserved field of UNMAP", "IOMMU-UNMAP-V-01") { Tamper = target => new RequestTamper(target, RequestType.Unmap, request => request[24] = 1) },
        BrokenDriver.Doing("unmaps what it never mapped", ["IOMMU-UNMAP-V-02"], user =>
        {
            user.Start();
            user.AttachAll(user.Domain(0));
            user.Unmap(user.Domain(0), user.Virtual(1));
        }),
        BrokenDriver.Doing("unmaps two mappings and the hole between them at once", ["IOMMU-UNMAP-V-02"], user =>
        {
            user.Start();
            user.AttachAll(user.Domain(0));
            var (first, _) = user.Map(user.Domain(0));
            user.Virtual(1);
            user.Map(user.Domain(0));
            user.Unmap(user.Domain(0), first, units: 3);
        }),
        BrokenDriver.Doing("unmaps the second half of a mapping", ["IOMMU-UNMAP-V-04"], user =>
        {
            user.Start();
            user.AttachAll(user.Domain(0));
            var (at, _) = user.Map(user.Domain(0), units: 2);
            user.Unmap(user.Domain(0), at + user.Unit);
        }),
        BrokenDriver.Doing("unmaps the first half of a mapping", ["IOMMU-UNMAP-V-05"], user =>
        {
            user.Start();
            user.AttachAll(user.Domain(0));
            var (at, _) = user.Map(user.Domain(0), units: 2);
            user.Unmap(user.Domain(0), at);
        }),
    ];
}
