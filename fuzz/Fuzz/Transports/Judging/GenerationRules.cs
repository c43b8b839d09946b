namespace Viommu.Fuzz.Transports.Judging;

/// <summary>When the generation of the device configuration (section 2.5) has to move, and when it must not: each transport has its own rules.</summary>
/// <param name="Moves">The rule that a field breaks which is another one while the generation is the same.</param>
/// <param name="CountsBytes">True where that is so of a single byte as well, of which no driver can read a half.</param>
/// <param name="Stays">The rule that a generation breaks which moves without a change; null where it may.</param>
internal sealed record GenerationRules(string Moves, bool CountsBytes, string? Stays)
{
    /// <summary>PCI-COMMON-D-06: whatever is read that has changed since anything was.</summary>
    public static GenerationRules Pci { get; } = new("PCI-COMMON-D-06", CountsBytes: true, Stays: null);

    /// <summary>MMIO-REG-D-06 asks for no more than that nothing inconsistent is seen, and a byte always is consistent.</summary>
    public static GenerationRules Mmio { get; } = new("MMIO-REG-D-06", CountsBytes: false, "DESC-MMIO-08");

    /// <summary>Legacy interfaces have no generation, and it is never read.</summary>
    public static GenerationRules None { get; } = new("", CountsBytes: false, Stays: null);
}
