using Viommu.Guest.Targets;

namespace Viommu.Conformance.Program;

/// <summary>What <c>--target</c> can name.</summary>
internal static class TargetSources
{
    private const string DefaultQemu = "qemu-system-x86_64";
    private const string QemuPrefix = "qemu:";

    /// <summary>
    /// The source of targets that <paramref name="spec"/> names; throws <see cref="UsageException"/> where it names none, and
    /// <see cref="TargetUnavailableException"/> where it cannot be had on this machine.
    /// </summary>
    public static ITargetSource Parse(string spec) => spec switch
    {
        "model" => Model(),
        "qemu" => Qemu(DefaultQemu),
        _ when spec.StartsWith(QemuPrefix, StringComparison.Ordinal) && spec.Length > QemuPrefix.Length => Qemu(spec[QemuPrefix.Length..]),
        _ => throw new UsageException($"unknown target '{spec}'; there are model, qemu and qemu:PATH"),
    };

    private static ITargetSource Model() => throw new TargetUnavailableException("this build has no reference device");

    private static ITargetSource Qemu(string program) => throw new TargetUnavailableException($"this build cannot start {program}");
}
