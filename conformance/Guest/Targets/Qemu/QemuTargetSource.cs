using Viommu.Guest.Wire;

namespace Viommu.Guest.Targets.Qemu;

/// <summary>Starts QEMUs with a virtio-iommu and two endpoints behind it.</summary>
/// <param name="program">A qemu-system-x86_64: a path or a name on <c>PATH</c>; null for the one on <c>PATH</c>.</param>
/// <param name="packed">Offer RING_PACKED, which QEMU does not by itself, and have drivers accept it.</param>
public sealed class QemuTargetSource(string? program, bool packed = false) : ITargetSource
{
    // A round trip takes microseconds; seconds are what a busy machine may take away from QEMU.
    private static readonly TimeSpan UsualDeadline = TimeSpan.FromSeconds(5);

    private static readonly PciAddress Iommu = new(0, QemuTarget.IommuSlot, 0);

    private readonly Lazy<QemuProgram> _program = new(() => QemuProgram.Find(program));

    /// <inheritdoc/>
    public string Name => packed ? "qemu-packed" : "qemu";

    /// <summary>How long QEMU may take for an answer; one that takes longer hangs.</summary>
    public TimeSpan Deadline { get; init; } = UsualDeadline;

    /// <summary>Processor time that QEMU may use on an answer; zero where only <see cref="Deadline"/> counts.</summary>
    public TimeSpan MostWork { get; init; }

    /// <summary>Where everything is kept that is done to the QEMU that was started last; null where nobody asked for that.</summary>
    public QtestTranscript? Transcript { get; set; }

    /// <inheritdoc/>
    public ulong AlsoAccept => packed ? Features.RingPacked : 0;

    /// <inheritdoc/>
    public ITarget? Open(TargetShape shape, out string? whyNot)
    {
        ArgumentNullException.ThrowIfNull(shape);
        shape = shape with { Offering = shape.Offering | AlsoAccept };
        if (QemuShape.Device(shape, _program.Value, out whyNot) is not { } iommu) return null;
        var machine = Start(iommu);
        try
        {
            var target = new QemuTarget(machine, _program.Value.Version, packed ? "packed" : "", Deadline);
            if ((shape.Offering | shape.Withholding) != 0)
                whyNot = QemuShape.Mismatch(shape, OfferedFeatures.Read(target, Iommu), _program.Value);
            if (whyNot is null) return target;
        }
        catch
        {
            machine.Dispose();
            throw;
        }
        machine.Dispose();
        return null;
    }

    /// <summary>Does nothing: the targets belong to who opened them.</summary>
    public void Dispose()
    {
    }

    private QemuMachine Start(string iommu)
    {
        const string Edu = "edu,dma_mask=0xffffffffffffffff";
        string[] devices = [iommu, $"{Edu},addr={QemuTarget.FirstEduSlot:x2}", $"{Edu},addr={QemuTarget.FirstEduSlot + 1:x2}"];
        var machine = QemuMachine.Start(_program.Value, devices, Deadline, Transcript);
        machine.Qtest.MostWork = MostWork;
        return machine;
    }
}
