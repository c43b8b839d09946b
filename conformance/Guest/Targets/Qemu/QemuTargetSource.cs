using Viommu.Guest.Targets.Model;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Targets.Qemu;

/// <summary>Starts QEMUs with a virtio-iommu and two endpoints behind it.</summary>
/// <param name="program">A qemu-system-x86_64: a path or a name on <c>PATH</c>; null for the one on <c>PATH</c>.</param>
/// <param name="configuration">
/// Transport and ring, null for PCI and split rings. Packed: offer RING_PACKED, which QEMU does not by itself, and have drivers accept it.
/// There are PCI and MMIO.
/// </param>
public sealed class QemuTargetSource(string? program, ModelConfiguration? configuration = null) : ITargetSource
{
    // A start takes a fraction of a second, and reads a hundred files.
    private static readonly TimeSpan UsualPatience = TimeSpan.FromMinutes(1);

    // A round trip takes microseconds; seconds are what a busy machine may take away from QEMU.
    private static readonly TimeSpan UsualDeadline = TimeSpan.FromSeconds(5);

    private readonly QemuBoard _board = BoardWith(configuration?.Transport ?? ModelTransport.Pci);
    private QemuProgram? _program;

    /// <inheritdoc/>
    public string Name => string.Join('-', ["qemu", .. Particulars]);

    /// <summary>
    /// Whether QEMU has a virtio-iommu on that transport. What it has behind version 1 of virtio-mmio is no transitional device, since no
    /// modern driver can use it, and so none that the spec binds.
    /// </summary>
    public static bool Has(ModelTransport transport) => transport is ModelTransport.Pci or ModelTransport.Mmio;

    /// <summary>How long QEMU may take to start.</summary>
    public TimeSpan Patience { get; init; } = UsualPatience;

    /// <summary>How long QEMU may take for an answer; one that takes longer hangs.</summary>
    public TimeSpan Deadline { get; init; } = UsualDeadline;

    /// <summary>Processor time that QEMU may use on an answer; zero where only <see cref="Deadline"/> counts.</summary>
    public TimeSpan MostWork { get; init; }

    /// <summary>Where everything is kept that is done to the QEMU that was started last; null where nobody asked for that.</summary>
    public QtestTranscript? Transcript { get; set; }

    /// <inheritdoc/>
    public ulong AlsoAccept => IsPacked ? Features.RingPacked : 0;

    private bool IsPacked => configuration?.Ring == ModelRing.Packed;

    // What is not as QEMU has it by itself.
    private IEnumerable<string> Particulars
    {
        get
        {
            if (configuration is { Transport: not ModelTransport.Pci and var transport }) yield return ModelConfiguration.NameOf(transport);
            if (IsPacked) yield return ModelConfiguration.NameOf(ModelRing.Packed);
        }
    }

    private QemuProgram Program => _program ??= QemuProgram.Find(program, _board.IommuModel);

    /// <inheritdoc/>
    public ITarget? Open(TargetShape shape, out string? whyNot)
    {
        ArgumentNullException.ThrowIfNull(shape);
        shape = shape with { Offering = shape.Offering | AlsoAccept };
        if (QemuShape.Device(shape, Program, _board, out whyNot) is not { } iommu) return null;
        var machine = Start(iommu);
        try
        {
            var target = new QemuTarget(machine, _board, Program.Version, string.Join(", ", Particulars), Deadline);
            if ((shape.Offering | shape.Withholding) != 0)
                whyNot = QemuShape.Mismatch(shape, OfferedFeatures.Read(target), Program);
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

    private static QemuBoard BoardWith(ModelTransport transport) => transport switch
    {
        ModelTransport.Pci => new Q35Board(),
        ModelTransport.Mmio => new MicrovmBoard(),
        _ => throw new ArgumentOutOfRangeException(nameof(transport), transport, "no virtio-iommu of QEMU is on it"),
    };

    private QemuMachine Start(string iommu)
    {
        const string Edu = "edu,dma_mask=0xffffffffffffffff";
        string[] devices = [iommu, $"{Edu},addr={QemuTarget.FirstEduSlot:x2}", $"{Edu},addr={QemuTarget.FirstEduSlot + 1:x2}"];
        var machine = QemuMachine.Start(Program, _board, devices, Patience, Deadline, Transcript);
        machine.Qtest.MostWork = MostWork;
        return machine;
    }
}
