using Viommu.Guest.Wire;

namespace Viommu.Conformance.Oracle;

/// <summary>IOMMU Device / Device operations, bypass mode; and Device configuration layout, the <c>bypass</c> field.</summary>
internal static class BypassRules
{
    /// <summary>
    /// Whether endpoints without a domain are in bypass mode. BYPASS_CONFIG counts as soon as it is offered, the older BYPASS only once it is
    /// negotiated: the asymmetry is the text's.
    /// </summary>
    public static bool CoversUnattached(DeviceFacts facts, World world) =>
        (facts.Offers(Features.BypassConfig) && world.Bypass) || facts.Has(Features.Bypass);

    /// <summary>The clause that the field breaks by what is read from it; <see cref="OracleClause.Silence"/> where it breaks none.</summary>
    public static OracleClause Reading(byte read) => read > 1 ? OracleClause.CfgD06 : OracleClause.Silence;
}
