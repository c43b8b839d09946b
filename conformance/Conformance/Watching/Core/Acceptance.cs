using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Core;

/// <summary>The moment at which a driver has accepted what it accepts.</summary>
internal static class Acceptance
{
    /// <summary>True for the write that ends it: FEATURES_OK, or on a legacy interface DRIVER_OK (3.1.1, 3.1.2), set for the first time.</summary>
    public static bool IsDone(Judge judge, StatusWritten seen)
    {
        var step = judge.Driver.IsLegacy ? DeviceStatus.DriverOk : DeviceStatus.FeaturesOk;
        return (seen.Status & step) != 0 && (judge.Driver.Written & step) == 0;
    }

    /// <summary>Judges that a bit is accepted, if it is known to be offered.</summary>
    public static void WhereOffered(Judge judge, StatusWritten seen, ulong features)
    {
        var offered = judge.Driver.Offered & features;
        if (!IsDone(judge, seen) || !judge.Driver.KnowsOffered || offered == 0) return;
        var declined = offered & ~judge.Driver.Accepted;
        judge.That(declined == 0, $"{Features.Describe(offered)} accepted, since offered", $"{Features.Describe(declined)} declined");
    }
}
