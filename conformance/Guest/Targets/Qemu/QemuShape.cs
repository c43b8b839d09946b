using System.Numerics;

namespace Viommu.Guest.Targets.Qemu;

/// <summary>A <see cref="TargetShape"/> in the words of QEMU's command line.</summary>
internal static class QemuShape
{
    // virtio 1.4 section 6 bits that QEMU has switches for; all other features are as its virtio-iommu has them. A switch may be
    // without effect (7.2 offers bits 28 and 29 even when told not to): what the device offers decides in the end.
    private static readonly (int Bit, string Option)[] Switches =
    [
        (28, "indirect_desc"),
        (29, "event_idx"),
        (33, "iommu_platform"),
        (34, "packed"),
        (35, "in_order"),
        (40, "queue_reset"),
    ];

    /// <summary>
    /// The virtio-iommu as the argument of a <c>-device</c>; null, and the reason, where this QEMU cannot make one of that
    /// shape. Features without a switch are left to be seen in what the device offers.
    /// </summary>
    public static string? Device(TargetShape shape, QemuProgram program, QemuBoard board, out string? whyNot)
    {
        var options = new List<string> { board.IommuModel, board.IommuPlace };
        foreach (var (bit, option) in Switches)
        {
            if (!program.IommuOptions.Contains(option)) continue;
            if ((shape.Offering >> bit & 1) != 0) options.Add($"{option}=on");
            else if ((shape.Withholding >> bit & 1) != 0) options.Add($"{option}=off");
        }
        if (shape.InitialBypass is { } bypass) options.Add($"boot-bypass={(bypass ? "on" : "off")}");

        whyNot = shape switch
        {
            { InitialBypass: not null } when !program.IommuOptions.Contains("boot-bypass") => "has no option for the initial bypass",
            { PageSizeMask: not null } => "derives page_size_mask from the machine, not from an option",
            { InputRange: not null } => "has no option for input_range",
            { ReservedForSecondEndpoint: not null } => "reserves regions for all endpoints alike, not for one",
            _ => null,
        };
        if (whyNot is not null) whyNot = $"QEMU {program.Version}'s virtio-iommu {whyNot}";
        return whyNot is null ? string.Join(',', options) : null;
    }

    /// <summary>Why a device that offers <paramref name="offered"/> is not of that shape, or null where it is.</summary>
    public static string? Mismatch(TargetShape shape, ulong offered, QemuProgram program)
    {
        var absent = shape.Offering & ~offered;
        if (absent != 0) return $"QEMU {program.Version}'s virtio-iommu cannot offer {Bits(absent)}";
        var present = shape.Withholding & offered;
        return present != 0 ? $"QEMU {program.Version}'s virtio-iommu cannot withhold {Bits(present)}" : null;
    }

    private static string Bits(ulong features)
    {
        var bits = Enumerable.Range(0, 64).Where(bit => (features >> bit & 1) != 0);
        return $"feature bit{(BitOperations.PopCount(features) > 1 ? "s" : "")} {string.Join(", ", bits)}";
    }
}
