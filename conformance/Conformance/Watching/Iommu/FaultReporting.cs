using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Iommu;

/// <summary>Fault reporting (5.13.6.9), driver's side. A rule about one field speaks where no other field is strange.</summary>
internal static class FaultReporting
{
    private const uint DefinedFlags = FaultReport.ReadFlag | FaultReport.WriteFlag | FaultReport.AddressFlag;

    [Rule("IOMMU-FAULT-V-01", Needs = Sight.Conclusions,
        Does = "Delivers fault reports whose reserved field is not zero, and asks the driver's user what it was told.",
        Reading = "Nothing.")]
    public static void A_report_with_reserved_bits_is_ignored(Judge judge, FaultConcluded seen)
    {
        if (seen.Delivered.Reserved != 0) judge.That(seen.Told is null, "nothing told of a report whose reserved field is not zero", $"{seen}");
    }

    [Rule("IOMMU-FAULT-V-02", Needs = Sight.Conclusions,
        Does = "Delivers fault reports whose reserved1 field is not zero, and asks the driver's user what it was told.",
        Reading = "What the other fields say.")]
    public static void The_field_reserved1_is_ignored(Judge judge, FaultConcluded seen)
    {
        if (seen.Delivered is { Reserved: 0, Reserved1: not 0 } && !HasUndefinedFlags(seen) && !HasUnknownReason(seen)) Understood(judge, seen);
    }

    [Rule("IOMMU-FAULT-V-03", Needs = Sight.Conclusions,
        Does = "Delivers fault reports with undefined flags set, and asks the driver's user what it was told.",
        Reading = "What the defined flags say.")]
    public static void Undefined_flags_are_ignored(Judge judge, FaultConcluded seen)
    {
        if (seen.Delivered is { Reserved: 0, Reserved1: 0 } && HasUndefinedFlags(seen) && !HasUnknownReason(seen)) Understood(judge, seen);
    }

    [Rule("IOMMU-FAULT-V-04", Needs = Sight.Conclusions,
        Does = "Delivers fault reports with a reason that the spec does not define, and asks the driver's user what it was told.",
        Reading = "The reason is UNKNOWN.")]
    public static void An_unknown_reason_is_treated_as_UNKNOWN(Judge judge, FaultConcluded seen)
    {
        if (seen.Delivered is { Reserved: 0, Reserved1: 0 } && !HasUndefinedFlags(seen) && HasUnknownReason(seen)) Understood(judge, seen);
    }

    private static bool HasUndefinedFlags(FaultConcluded seen) => (seen.Delivered.Flags & ~DefinedFlags) != 0;

    private static bool HasUnknownReason(FaultConcluded seen) => seen.Delivered.Reason > FaultReport.ReasonMapping;

    private static void Understood(Judge judge, FaultConcluded seen)
    {
        var report = seen.Delivered;
        var expected = new ToldFault(
            HasUnknownReason(seen) ? FaultReport.ReasonUnknown : report.Reason, report.Endpoint,
            (report.Flags & FaultReport.ReadFlag) != 0, (report.Flags & FaultReport.WriteFlag) != 0,
            (report.Flags & FaultReport.AddressFlag) != 0 ? report.Address : null);
        judge.That(seen.Told == expected, $"{expected}", $"{seen}");
    }
}
