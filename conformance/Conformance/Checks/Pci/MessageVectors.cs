using System.Buffers.Binary;
using Viommu.Guest.Driver;
using Viommu.Guest.Pci;
using Viommu.Guest.Transport;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>
/// Every MSI-X vector of the function, each pointed at a word of guest memory of its own, so that any message is seen. MSI-X is disabled
/// at disposal.
/// </summary>
internal sealed class MessageVectors : IDisposable
{
    /// <summary>The most vectors that an MSI-X table can have (PCI 3.0, 6.8.2.3).</summary>
    public const int Most = 0x800;

    private const int ControlAt = 2;
    private const int TableAt = 4;
    private const uint EnableBit = 0x8000;
    private const uint FunctionMaskBit = 0x4000;
    private const int EntrySize = 16;
    private const uint Message = 0x5649_0000;

    private readonly Machine machine;
    private readonly PciFunction function;
    private readonly int capability;
    private readonly ulong table;
    private readonly ulong area;

    private MessageVectors(Machine machine, PciFunction function, int capability)
    {
        this.machine = machine;
        this.function = function;
        this.capability = capability;
        Count = CountOf(function, capability);
        table = TableOf(function, capability);
        area = machine.Heap.AllocateZeroed(4 * (ulong)Count, 16);
    }

    /// <summary>How many there are.</summary>
    public int Count { get; }

    /// <summary>Where the function's MSI-X capability is; N/A where it has none.</summary>
    public static int CapabilityOf(PciFunction function)
    {
        var found = function.Capabilities().Where(capability => capability.Id == PciCapability.MsiX).ToList();
        return found.Count > 0 ? found[0].Offset : throw new NotApplicableException("the device has no MSI-X");
    }

    /// <summary>The number of vectors: Table Size, which is encoded as one less.</summary>
    public static int CountOf(PciFunction function, int capability) => (int)(function.Read(capability + ControlAt, 2) & 0x7ff) + 1;

    /// <summary>Where the table is.</summary>
    public static ulong TableOf(PciFunction function, int capability)
    {
        var location = function.Read(capability + TableAt, 4);
        return function.BarAddress((int)location & 7) + (location & ~7u);
    }

    /// <summary>Points the vectors at memory; N/A where the function has none.</summary>
    public static MessageVectors Route(CheckContext check, PciTransport pci)
    {
        var vectors = new MessageVectors(check.Machine, pci.Function, CapabilityOf(pci.Function));
        for (var vector = 0; vector < vectors.Count; vector++)
        {
            vectors.Write(vector, 0, (uint)(vectors.area + 4 * (uint)vector));
            vectors.Write(vector, 4, (uint)(vectors.area >> 32));
            vectors.Write(vector, 8, Message + (uint)vector);
            vectors.Mask(vector, false);
        }
        return vectors;
    }

    /// <summary>
    /// Starts a driver that has MSI-X enabled, after <paramref name="map"/> has mapped events to vectors: after reset, none is. INTx is not
    /// disabled, so that an interrupt that goes astray shows there.
    /// </summary>
    public IommuDriver Start(CheckContext check, Action map) => Initialisation.Start(check, Initialisation.Unsuppressed(NotificationMode.Polled), () =>
    {
        function.Write(capability + ControlAt, 2, (function.Read(capability + ControlAt, 2) | EnableBit) & ~FunctionMaskBit);
        function.Command &= ~PciCommand.InterruptDisable;
        map();
    });

    /// <summary>Sets or clears the mask bit of one vector.</summary>
    public void Mask(int vector, bool masked) => Write(vector, 12, masked ? 1u : 0);

    /// <summary>The vectors whose message has come since the last call.</summary>
    public IReadOnlyList<int> Take()
    {
        var words = new byte[4 * Count];
        machine.Target.Ram.Read(area, words);
        machine.Target.Ram.Write(area, new byte[words.Length]);
        return [.. Enumerable.Range(0, Count).Where(vector => BinaryPrimitives.ReadUInt32LittleEndian(words.AsSpan(4 * vector)) == Message + vector)];
    }

    /// <summary>Lets the device run until a message of <paramref name="vector"/> has come; returns all that came.</summary>
    public IReadOnlyList<int> Await(int vector)
    {
        var heard = new HashSet<int>();
        machine.Await(() =>
        {
            heard.UnionWith(Take());
            return heard.Contains(vector);
        });
        machine.Target.Settle();
        heard.UnionWith(Take());
        return [.. heard.Order()];
    }

    /// <summary>A few vectors that stand for all: the first, the second, the last, and some in between.</summary>
    public IEnumerable<int> Sample(Random random)
    {
        SortedSet<int> sample = [0, Math.Min(1, Count - 1), Count - 1];
        for (var i = 0; i < 5; i++) sample.Add(random.Next(Count));
        return sample;
    }

    /// <summary>Disables MSI-X.</summary>
    public void Dispose() => function.Write(capability + ControlAt, 2, function.Read(capability + ControlAt, 2) & ~(EnableBit | FunctionMaskBit));

    private void Write(int vector, uint field, uint value) => machine.Target.MmioWrite(table + EntrySize * (uint)vector + field, 4, value);

    /// <summary>Vectors for people.</summary>
    public static string Describe(IReadOnlyCollection<int> vectors) => vectors.Count == 0 ? "no message" : $"messages of vector {string.Join(", ", vectors)}";
}
