using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Transports.Judging;

/// <summary>What is common to both legacy interfaces.</summary>
internal static class LegacyLife
{
    /// <summary>LEGACY-INIT-D-02: a legacy driver need not wait for DRIVER_OK.</summary>
    public static bool MayServe(uint status) => (status & (StatusBits.NeedsReset | StatusBits.Suspend)) == 0;

    /// <summary>Whether a legacy driver may write that status: there is no FEATURES_OK, and nothing is suspended.</summary>
    public static bool IsLegal(uint status, uint value)
    {
        const uint writable = StatusBits.Found | StatusBits.DriverOk;
        return (value & ~writable) == 0 && (status & ~value) == 0;
    }
}
