using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using Framing = Viommu.Fuzz.Machines.Framing;

namespace Viommu.Fuzz.Devices;

/// <summary>The two rings of a driver, split or packed and of any size: what they take of a program's requests, in memory that is used again.</summary>
internal sealed class DriverRings(Machine machine) : IRequestRings
{
    /// <summary>Descriptors of the longest chain: both parts in two.</summary>
    private const int LongestChain = 4;

    private const int MostEventBuffers = 64;

    private readonly IGuestRam _ram = machine.Target.Ram;
    private readonly RequestPlaces _places = new(machine.Target.Ram, machine.Heap);
    private readonly ulong _eventBuffers = machine.Heap.Allocate(MostEventBuffers * FaultReport.Size, 16);
    private readonly Queue<(ushort Chain, int Place)> _sent = new();
    private readonly Queue<UsedElement> _returned = new();
    private readonly Dictionary<ushort, int> _postedEvents = [];
    private IommuDriver? _driver;
    private ushort _since;
    private int _next;

    /// <inheritdoc/>
    public int Outstanding => _sent.Count;

    /// <summary>Requests that the device has not returned.</summary>
    public int Due
    {
        get
        {
            TakeUsed();
            return Math.Max(0, _sent.Count - _returned.Count);
        }
    }

    /// <inheritdoc/>
    public bool HasRoom => Outstanding == 0 || (Outstanding < RequestPlaces.Count && (Outstanding + 1) * LongestChain <= Driver.Requests.Size);

    /// <inheritdoc/>
    public bool HasNext
    {
        get
        {
            TakeUsed();
            return _returned.Count > 0 && _sent.Count > 0;
        }
    }

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Reply => _places.Reply;

    /// <summary>True once the device has used something that it was not expected to: the driver's account of the ring is wrong from there on.</summary>
    public bool IsAstray { get; private set; }

    private IommuDriver Driver => _driver ?? throw new InvalidOperationException("no driver runs");

    /// <summary>The rings are those of a driver that has just started; every event buffer is offered.</summary>
    public void Begin(IommuDriver driver)
    {
        _driver = driver;
        IsAstray = false;
        _sent.Clear();
        _returned.Clear();
        _postedEvents.Clear();
        ushort since = driver.Events.Position;
        for (int buffer = 0; buffer < Math.Min((int)driver.Events.Size, MostEventBuffers); buffer++) OfferEventBuffer(buffer);
        NotifyOf(driver.Events, since);
    }

    /// <inheritdoc/>
    /// <remarks>The device can see it at once; it is told of it by <see cref="Notify"/>.</remarks>
    public void Put(ReadOnlySpan<byte> readable, int writable, Framing framing)
    {
        var queue = Driver.Requests;
        if (_sent.Count == 0) _since = queue.Position;
        int place = _next++ % RequestPlaces.Count;
        _places.Put(place, readable, writable);
        var elements = ElementsOf(place, readable.Length, writable, framing);
        // 2.7.5.3.1: no chain is longer than the queue, with what is in its indirect table.
        if (elements.Count > queue.Size) elements = ElementsOf(place, readable.Length, writable, Framing.Plain);
        bool isIndirect = framing == Framing.Indirect && Driver.Has(Features.IndirectDesc);
        _sent.Enqueue((queue.Lend(elements, isIndirect ? elements.Count : 0, _ => _places.TableOf(place)), place));
    }

    /// <summary>Tells the device of what was put since everything had been taken back, as it wishes to be told.</summary>
    public void Notify() => NotifyOf(Driver.Requests, _since);

    /// <inheritdoc/>
    public uint Take(out bool isInOrder, out bool isGuarded)
    {
        var (chain, place) = _sent.Dequeue();
        var used = _returned.Dequeue();
        isInOrder = used.Id == chain;
        IsAstray |= !isInOrder;
        isGuarded = _places.Read(place);
        return used.Length;
    }

    /// <inheritdoc/>
    public bool TryTakeReport(Span<byte> into, out uint usedLength)
    {
        usedLength = 0;
        var events = Driver.Events;
        if (!events.TryTakeUsed(out var used)) return false;
        if (used.Id > ushort.MaxValue || !_postedEvents.Remove((ushort)used.Id, out int buffer))
        {
            throw new DeviceViolationException("DESC-SPLIT-01", "a used element names a chain that the driver made available and has not got back",
                $"queue {events.Number} returned id {used.Id} with length {used.Length}, which is not outstanding");
        }

        usedLength = used.Length;
        _ram.Read(AddressOf(buffer), into[..FaultReport.Size]);
        ushort since = events.Position;
        OfferEventBuffer(buffer);
        NotifyOf(events, since);
        return true;
    }

    private void TakeUsed()
    {
        while (Driver.Requests.TryTakeUsed(out var used)) _returned.Enqueue(used);
    }

    private void NotifyOf(DriverQueue queue, ushort since)
    {
        if (queue.WantsNotification(since)) Driver.Notify(queue);
    }

    private void OfferEventBuffer(int buffer) => _postedEvents[Driver.Events.Lend([new(AddressOf(buffer), FaultReport.Size, IsWritable: true)])] = buffer;

    private ulong AddressOf(int buffer) => _eventBuffers + (ulong)(buffer * FaultReport.Size);

    private List<BufferElement> ElementsOf(int place, int readable, int writable, Framing framing)
    {
        var elements = new List<BufferElement>(LongestChain);
        Add(_places.ReadableOf(place), readable, framing == Framing.SplitReadable ? readable / 2 : readable, isWritable: false);
        Add(_places.WritableOf(place), writable, framing == Framing.SplitWritable ? writable / 2 : writable, isWritable: true);
        return elements;

        void Add(ulong at, int length, int cut, bool isWritable)
        {
            if (cut > 0) elements.Add(new(at, (uint)cut, isWritable));
            if (cut < length) elements.Add(new(at + (ulong)cut, (uint)(length - cut), isWritable));
        }
    }
}
