using System.Globalization;
using System.Text.RegularExpressions;

namespace Viommu.Conformance.Watching.Guests;

/// <summary>How a guest is booted, and what it is to do.</summary>
/// <param name="Qemu">A QEMU that has vfio-user-pci.</param>
/// <param name="Folder">Where <c>vmlinuz</c> and <c>initrd.gz</c> are.</param>
/// <param name="Steps">Steps of <c>conformance/guests/init</c>, in this order, with a comma between them.</param>
/// <param name="CommandLine">What the kernel is told besides.</param>
/// <param name="Limit">How long all of it may take.</param>
internal sealed partial record GuestOrders(string Qemu, string Folder, string Steps, string CommandLine, TimeSpan Limit)
{
    /// <summary>The steps, one by one.</summary>
    public IReadOnlyList<string> StepList => Steps.Split(',', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The first of the steps that is none; null where all are.</summary>
    public string? UnknownStep => StepList.FirstOrDefault(step => !Step().IsMatch(step));

    /// <summary>
    /// What the kernel is told. A step may take as long as all of it, unless more is said: a guest has no better clock than the one who waits for it.
    /// </summary>
    public string KernelCommandLine => string.Create(CultureInfo.InvariantCulture, $"viommu.do={string.Join(',', StepList)} viommu.limit={Math.Ceiling(Limit.TotalSeconds):0} {CommandLine}");

    [GeneratedRegex("^(read|write|identity|(rebind|stir):[1-9][0-9]{0,2})$")]
    private static partial Regex Step();
}
