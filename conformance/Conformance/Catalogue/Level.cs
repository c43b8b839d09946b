namespace Viommu.Conformance.Catalogue;

/// <summary>How strongly the spec words a clause; a negated keyword has the same level.</summary>
public enum Level
{
    /// <summary>MUST or MUST NOT: breaking it is a FAIL.</summary>
    Must,

    /// <summary>SHOULD or SHOULD NOT: breaking it is a WARN.</summary>
    Should,

    /// <summary>MAY: cannot be broken; its checks make sure that either choice is taken cleanly.</summary>
    May,
}
