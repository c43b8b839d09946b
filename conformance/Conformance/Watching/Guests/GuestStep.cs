using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Watching.Guests;

/// <summary>
/// Something that a guest was to do on the device, and whether it did: no clause says that it has to, but a guest that does not, on a device
/// that keeps them all, has a driver that does not work.
/// </summary>
internal sealed record GuestStep(string Name) : SpecRule(
    $"{Scope}.{Name.Replace(':', '-')}", $"The guest does '{Name}'", [Scope], Level.Must, "Boots the guest, and has it do this step (conformance/guests/init).",
    "What the guest's console says of the step; its file lies beside the report.")
{
    /// <summary>What stands where other rules name a clause.</summary>
    public const string Scope = "guest";

    /// <summary>What a guest is not told to do: its kernel comes to no harm meanwhile.</summary>
    public static GuestStep Unharmed { get; } = new("unharmed")
    {
        Title = "The kernel comes to no harm",
        Does = "Looks for what a kernel says when it has come to harm: oops, BUG, WARNING, panic.",
    };

    /// <summary>The step as a result.</summary>
    public CheckResult Became(Verdict verdict, string expected = "", string actual = "", IReadOnlyList<string>? evidence = null) =>
        new(this, verdict, expected, actual, evidence ?? [], 0) { Observed = verdict };
}
