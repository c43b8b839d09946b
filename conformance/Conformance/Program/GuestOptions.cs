using System.CommandLine;

namespace Viommu.Conformance.Program;

/// <summary>The options by which both programs boot a guest.</summary>
internal static class GuestOptions
{
    /// <summary>Seconds below which a guest that is slow, on a machine that has other things to do, is taken for one that does not end.</summary>
    public const int ShortestLimit = 30;

    /// <summary>Which QEMU boots it.</summary>
    public static Option<string> Qemu() => new("--qemu")
    {
        Description = "The QEMU that boots the guest: one that has vfio-user-pci, as 10.1 and later do (conformance/guests/qemu.sh).",
        HelpName = "PROGRAM",
        DefaultValueFactory = _ => "qemu-system-x86_64",
    };

    /// <summary>What its kernel is told besides.</summary>
    public static Option<string> Append() => new("--append")
    {
        Description = "More for the guest's kernel command line, such as iommu.strict=1 or iommu.passthrough=1.",
        HelpName = "TEXT",
        DefaultValueFactory = _ => "",
    };
}
