using System.Buffers.Binary;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Transport.Pci;
using Viommu.Device.Wire;

namespace Viommu.Device.Benchmarks;

/// <summary>
/// The least that a driver has to do for batches of MAP and UNMAP: writes the requests and the ring, rings the doorbell once, and reads
/// every status back. Everything goes through guest memory and registers, as a real driver's would.
/// </summary>
internal sealed class BatchDriver
{
    public const int BatchSize = 64;

    private const ulong Bar = 0xe000_0000;
    private const ulong NotifyOffset = 0x3000;
    private const ushort QueueSize = 2 * BatchSize;
    private const ulong Memory = 0x10_0000;
    private const ulong Descriptors = Memory;
    private const ulong DriverArea = Memory + 0x1000;
    private const ulong DeviceArea = Memory + 0x2000;
    private const ulong Requests = Memory + 0x3000;
    private const ulong Replies = Memory + 0x5000;
    private const int RequestSlot = 64;
    private const int ReplySlot = 16;
    private const int MapSize = 36;
    private const int UnmapSize = 28;

    private readonly FlatGuestMemory _memory = new(Memory, 1 << 20);
    private readonly VirtioPciFunction _function;
    private readonly bool _isPacked;
    private readonly int[] _sizes = new int[BatchSize];
    private ushort _available;
    private int _packedNext;
    private bool _packedWrap = true;

    public BatchDriver(IommuOptions options, bool isPacked)
    {
        _isPacked = isPacked;
        Device = new IommuDevice(options, _memory);
        var features = isPacked ? VirtioFeatures.Default | VirtioFeatures.RingPacked : VirtioFeatures.Default;
        _function = new VirtioPciFunction(Device, _memory, new VirtioPciOptions { Features = features });
        _function.ConfigWrite(0x10, 4, (uint)Bar);
        _function.ConfigWrite(0x04, 2, 0x6);
        Initialise(VirtioFeatures.Version1 | (isPacked ? VirtioFeatures.RingPacked : 0));
        if (!isPacked) WriteSplitDescriptors();
        PutAttach();
        Submit(1);
    }

    public IommuDevice Device { get; }

    /// <summary>Maps the mappings of these numbers.</summary>
    public void MapAll(ReadOnlySpan<int> mappings)
    {
        int filled = 0;
        foreach (int mapping in mappings)
        {
            PutMap(filled++, mapping);
            if (filled < BatchSize) continue;
            Submit(filled);
            filled = 0;
        }
        if (filled > 0) Submit(filled);
    }

    public void PutMap(int slot, int mapping)
    {
        Span<byte> request = stackalloc byte[MapSize];
        ulong start = Load.VirtualAddress(mapping);
        BinaryPrimitives.WriteUInt32LittleEndian(request, 3);
        BinaryPrimitives.WriteUInt32LittleEndian(request[4..], Load.Domain);
        BinaryPrimitives.WriteUInt64LittleEndian(request[8..], start);
        BinaryPrimitives.WriteUInt64LittleEndian(request[16..], start + Load.Page - 1);
        BinaryPrimitives.WriteUInt64LittleEndian(request[24..], (ulong)mapping * Load.Page);
        BinaryPrimitives.WriteUInt32LittleEndian(request[32..], 3);
        Put(slot, request);
    }

    public void PutUnmap(int slot, int mapping)
    {
        Span<byte> request = stackalloc byte[UnmapSize];
        ulong start = Load.VirtualAddress(mapping);
        BinaryPrimitives.WriteUInt32LittleEndian(request, 4);
        BinaryPrimitives.WriteUInt32LittleEndian(request[4..], Load.Domain);
        BinaryPrimitives.WriteUInt64LittleEndian(request[8..], start);
        BinaryPrimitives.WriteUInt64LittleEndian(request[16..], start + Load.Page - 1);
        BinaryPrimitives.WriteUInt32LittleEndian(request[24..], 0);
        Put(slot, request);
    }

    /// <summary>Makes the first <paramref name="count"/> slots available, notifies once, and throws unless all are answered OK.</summary>
    public void Submit(int count)
    {
        if (_isPacked) MakePackedAvailable(count);
        else MakeSplitAvailable(count);
        _function.TryMmioWrite(Bar + NotifyOffset, 2, 0);
        Span<byte> reply = stackalloc byte[4];
        for (int slot = 0; slot < count; slot++)
        {
            if (!_memory.TryRead(ReplyOf(slot), reply) || reply[0] != 0) throw new InvalidOperationException($"request {slot} was answered {reply[0]}");
        }
    }

    private static GuestAddress RequestOf(int slot) => new(Requests + (ulong)(slot * RequestSlot));

    private static GuestAddress ReplyOf(int slot) => new(Replies + (ulong)(slot * ReplySlot));

    private void PutAttach()
    {
        Span<byte> request = stackalloc byte[20];
        request.Clear();
        request[0] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(request[4..], Load.Domain);
        BinaryPrimitives.WriteUInt32LittleEndian(request[8..], Load.Endpoint);
        Put(0, request);
    }

    private void Put(int slot, ReadOnlySpan<byte> request)
    {
        _sizes[slot] = request.Length;
        _memory.TryWrite(RequestOf(slot), request);

        // Anything but OK, so that a reply that does not come is noticed.
        _memory.TryWrite(ReplyOf(slot), [0xff]);
    }

    private void WriteSplitDescriptors()
    {
        // The writable descriptors never change; the readable ones only in their length.
        for (int slot = 0; slot < BatchSize; slot++) WriteDescriptor(2 * slot + 1, ReplyOf(slot), 4, flagsOrId: 2, nextOrFlags: 0);
    }

    private void MakeSplitAvailable(int count)
    {
        Span<byte> word = stackalloc byte[2];
        for (int slot = 0; slot < count; slot++)
        {
            WriteDescriptor(2 * slot, RequestOf(slot), _sizes[slot], flagsOrId: 1, nextOrFlags: (ushort)(2 * slot + 1));
            BinaryPrimitives.WriteUInt16LittleEndian(word, (ushort)(2 * slot));
            _memory.TryWrite(new GuestAddress(DriverArea + 4 + 2 * (ulong)(_available % QueueSize)), word);
            _available++;
        }
        BinaryPrimitives.WriteUInt16LittleEndian(word, _available);
        _memory.TryWrite(new GuestAddress(DriverArea + 2), word);
    }

    private void MakePackedAvailable(int count)
    {
        for (int slot = 0; slot < count; slot++)
        {
            // AVAIL (bit 7) is the wrap counter, USED (bit 15) its inverse (2.8.1).
            PutPacked(RequestOf(slot), _sizes[slot], (ushort)slot, flags: 1);
            PutPacked(ReplyOf(slot), 4, (ushort)slot, flags: 2);
        }
    }

    private void PutPacked(GuestAddress address, int length, ushort id, ushort flags)
    {
        WriteDescriptor(_packedNext, address, length, id, (ushort)(flags | (_packedWrap ? 1 << 7 : 1 << 15)));
        if (++_packedNext < QueueSize) return;
        _packedNext = 0;
        _packedWrap = !_packedWrap;
    }

    // A split descriptor ends with flags and next, a packed one with id and flags (2.7.5, 2.8.13).
    private void WriteDescriptor(int index, GuestAddress address, int length, ushort flagsOrId, ushort nextOrFlags)
    {
        ulong at = Descriptors + 16 * (ulong)index;
        WriteWord(at, address.Value);
        WriteWord(at + 8, (uint)length | (ulong)flagsOrId << 32 | (ulong)nextOrFlags << 48);
    }

    private void WriteWord(ulong at, ulong value)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(word, value);
        _memory.TryWrite(new GuestAddress(at), word);
    }

    private void Initialise(VirtioFeatures features)
    {
        Write(0x14, 1, 0);
        Write(0x14, 1, 3);
        Write(0x08, 4, 0);
        Write(0x0c, 4, (uint)((ulong)features | (ulong)Load.Options.Features));
        Write(0x08, 4, 1);
        Write(0x0c, 4, (ulong)features >> 32);
        Write(0x14, 1, 0xb);
        Write(0x16, 2, 0);
        Write(0x18, 2, QueueSize);
        Write(0x20, 4, Descriptors);
        Write(0x28, 4, DriverArea);
        Write(0x30, 4, DeviceArea);
        Write(0x1c, 2, 1);
        Write(0x14, 1, 0xf);
    }

    private void Write(ulong offset, int width, ulong value) => _function.TryMmioWrite(Bar + offset, width, value);
}
