using System.Buffers.Binary;
using Viommu.Guest.Pci;
using Viommu.Guest.Targets;

namespace Viommu.Guest.Transport;

/// <summary>
/// The MSI-X table of a function. Each vector used is pointed at a word of guest memory, so that a message is seen by reading memory:
/// interrupts are observed without an interrupt controller.
/// </summary>
public sealed class MsixTable
{
    /// <summary>VIRTIO_MSI_NO_VECTOR.</summary>
    public const ushort NoVector = 0xffff;

    /// <summary>The vector that configuration changes are routed to.</summary>
    public const ushort ConfigVector = 0;

    /// <summary>The vector that all queues are routed to.</summary>
    public const ushort QueueVector = 1;

    private const uint Message = 0x4d53_4958;

    private readonly ITarget target;
    private readonly PciFunction function;
    private readonly int capability;
    private readonly ulong table;
    private ulong area;

    private MsixTable(ITarget target, PciFunction function, int capability)
    {
        this.target = target;
        this.function = function;
        this.capability = capability;
        var location = function.Read(capability + 4, 4);
        table = function.BarAddress((int)location & 7) + (location & ~7u);
        VectorCount = (int)(function.Read(capability + 2, 2) & 0x7ff) + 1;
    }

    /// <summary>Number of vectors.</summary>
    public int VectorCount { get; }

    /// <summary>The table of a function; null where it has none, or fewer vectors than configuration and queues need.</summary>
    public static MsixTable? Find(ITarget target, PciFunction function)
    {
        foreach (var capability in function.Capabilities())
        {
            if (capability.Id == PciCapability.MsiX && new MsixTable(target, function, capability.Offset) is { VectorCount: > QueueVector } found)
                return found;
        }
        return null;
    }

    /// <summary>Points the two vectors at <paramref name="messageArea"/> and enables MSI-X; null disables it.</summary>
    public void Route(ulong? messageArea)
    {
        var control = function.Read(capability + 2, 2);
        if (messageArea is not { } place)
        {
            function.Write(capability + 2, 2, control & ~0xc000u);
            return;
        }
        area = place;
        target.Ram.Write(area, stackalloc byte[4 * (QueueVector + 1)]);
        for (var vector = 0; vector <= QueueVector; vector++)
        {
            var entry = table + 16 * (uint)vector;
            target.MmioWrite(entry, 4, (uint)(area + 4 * (uint)vector));
            target.MmioWrite(entry + 4, 4, area >> 32);
            target.MmioWrite(entry + 8, 4, Message + (uint)vector);
            target.MmioWrite(entry + 12, 4, 0);
        }
        function.Write(capability + 2, 2, (control | 0x8000u) & ~0x4000u);
    }

    /// <summary>The messages that have arrived since the last call.</summary>
    internal Notifications Take() => TakeVector(ConfigVector, Notifications.Config) | TakeVector(QueueVector, Notifications.Used);

    private Notifications TakeVector(ushort vector, Notifications meaning)
    {
        Span<byte> word = stackalloc byte[4];
        var place = area + 4u * vector;
        target.Ram.Read(place, word);
        if (BinaryPrimitives.ReadUInt32LittleEndian(word) != Message + vector) return Notifications.None;
        word.Clear();
        target.Ram.Write(place, word);
        return meaning;
    }
}
