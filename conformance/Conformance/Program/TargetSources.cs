using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Targets.Qemu;

namespace Viommu.Conformance.Program;

/// <summary>What <c>--target</c> can name.</summary>
internal static class TargetSources
{
    private const string QemuPrefix = "qemu:";

    /// <summary>
    /// The source of targets that <paramref name="spec"/> names; throws <see cref="UsageException"/> where it names none, and
    /// <see cref="TargetUnavailableException"/> where it cannot be had on this machine.
    /// </summary>
    public static ITargetSource Parse(string spec) => spec switch
    {
        "model" => new ModelTargetSource(),
        "qemu" => new QemuTargetSource(null),
        _ when spec.StartsWith(QemuPrefix, StringComparison.Ordinal) && spec.Length > QemuPrefix.Length => new QemuTargetSource(spec[QemuPrefix.Length..]),
        _ => throw new UsageException($"unknown target '{spec}'; there are model, qemu and qemu:PATH"),
    };
}
