using System.Buffers.Binary;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Transport;
using Viommu.Device.Transport.Mmio;
using Viommu.Device.Wire;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using IommuConfig = Viommu.Guest.Wire.IommuConfig;

namespace Viommu.Fuzz.Queues;

/// <summary>
/// A device, its request queue in shadowed memory, and a twin of it that is handed the same requests beside any queue. It allocates nothing but
/// when it is built.
/// </summary>
internal sealed class QueueMachine
{
    public const ushort RequestQueue = 0;

    /// <summary>What the driver knows what to do with.</summary>
    private const ulong Spoken = (Features.IommuChapter & ~Features.Bypass) | Features.IndirectDesc | Features.EventIdx | Features.InOrder | Features.NotificationData
        | Features.RingReset | Features.Suspend;

    // Behind page_size_mask, the one field that is always there.
    private const int InputRangeOffset = 8;
    private const int DomainRangeOffset = 24;

    private const int MostFar = 256;

    private readonly IVirtioDevice _twin;
    private readonly PublicationWatch _watch;
    private readonly LentRequest[] _slots = [.. Enumerable.Range(0, QueueLayout.LargestSize).Select(slot => new LentRequest(slot))];
    private readonly Dictionary<(ulong Negotiated, int Size), (byte[] State, byte[] Ring)> _far = [];
    private readonly VirtioMmioDevice? _restorable;
    private int _nextSlot;
    private readonly byte[] _config = new byte[IommuConfig.Size];

    public QueueMachine(Subject subject, bool isPacked)
    {
        IsPacked = isPacked;
        Memory = new(QueueLayout.MemorySize) { MaximumAccesses = 1 << 22 };
        _watch = new(Memory);
        var beyond = new FlatGuestMemory(TestBed.Ram, RequestMachine.RamSize);
        var options = subject.Variation.Options(TestBed.Options with { RequestQueueSize = QueueLayout.LargestSize });
        _twin = subject.Variation.Assemble(new IommuDevice(options, beyond), beyond).Device;
        // Last, since some subjects take the device that is assembled last for theirs.
        var iommu = new IommuDevice(options, beyond);
        var device = subject.Variation.Assemble(iommu, beyond).Device;
        var features = VirtioFeatures.Default | VirtioFeatures.InOrder | VirtioFeatures.NotificationData | (isPacked ? VirtioFeatures.RingPacked : 0);
        Transport = Registers.Of(subject, device, Memory, features, new(_watch, iommu, QueueLayout.At(QueueLayout.Messages)));
        // What an interceptor knows cannot be saved with the device it stands in front of.
        _restorable = device == iommu && Transport is MmioRegisterFile file ? file.Device : null;
        Ring = isPacked ? new PackedDriverRing(Memory) : new SplitDriverRing(Memory);
    }

    public ShadowedMemory Memory { get; }

    public IRegisters Transport { get; }

    public DriverRing Ring { get; }

    public bool IsPacked { get; }

    public uint Status => Transport.Get(MmioRegister.Status);

    /// <summary>What the device offers.</summary>
    public ulong Offered { get; private set; }

    public ulong Negotiated { get; private set; }

    public bool Has(ulong feature) => (Negotiated & feature) != 0;

    /// <summary>The configuration of when it was read last.</summary>
    public ReadOnlySpan<byte> Config => _config;

    /// <summary>A new program: nothing is lent, and the whole of memory is the driver's.</summary>
    public void Begin()
    {
        _watch.Ring = null;
        Memory.Restart();
        Memory.RevokeAll();
        foreach (var slot in _slots) slot.IsLent = false;
        _nextSlot = 0;
        // Of before, where the last program has ended in the middle.
        Transport.Set(MmioRegister.Status, 0);
        TakeNotifications();
    }

    /// <summary>What a driver that wants <paramref name="wanted"/> accepts of what is offered.</summary>
    public ulong Acceptable(ulong wanted) => Offered & ((wanted & Spoken) | Features.Indispensable | (IsPacked ? Features.RingPacked : 0));

    /// <summary>Reads what is offered.</summary>
    public void ReadOffer() => Offered = Transport.ReadOffer();

    /// <summary>Writes what the driver accepts, and FEATURES_OK; whether the device takes it.</summary>
    public bool TryNegotiate(ulong accepted)
    {
        Transport.WriteDriverFeatures(accepted);
        Transport.Set(MmioRegister.Status, StatusBits.Negotiated);
        Negotiated = accepted;
        return (Status & StatusBits.FeaturesOk) != 0;
    }

    /// <summary>What the device knows of requests is as after a reset.</summary>
    public void ResetTwin()
    {
        _twin.Reset();
        _twin.FeaturesNegotiated(Negotiated);
    }

    /// <summary>Places the request queue, its ring fresh.</summary>
    public void PlaceQueue(int place, int size)
    {
        Memory.RevokeAll();
        Memory.Grant(QueueLayout.Messages, QueueLayout.MessagesSize, Rights.Both);
        int at = place * QueueLayout.PlaceSize;
        Ring.Begin(at, size, Negotiated);
        Memory.Grant(at, 16 * size, IsPacked ? Rights.Both : Rights.Read);
        Memory.Grant(at + QueueLayout.DriverArea, IsPacked ? 4 : 6 + (2 * size), Rights.Read);
        Memory.Grant(at + QueueLayout.DeviceArea, IsPacked ? 4 : 6 + (8 * size), Rights.Write);
        _watch.Ring = Ring;
        Transport.Set(MmioRegister.QueueSel, RequestQueue);
        Transport.Set(MmioRegister.QueueSize, (uint)size);
        Transport.Set(MmioRegister.QueueDescLow, Low(at));
        Transport.Set(MmioRegister.QueueDescHigh, 0);
        Transport.Set(MmioRegister.QueueDriverLow, Low(at + QueueLayout.DriverArea));
        Transport.Set(MmioRegister.QueueDriverHigh, 0);
        Transport.Set(MmioRegister.QueueDeviceLow, Low(at + QueueLayout.DeviceArea));
        Transport.Set(MmioRegister.QueueDeviceHigh, 0);
        Transport.Set(MmioRegister.QueueReady, 1);
    }

    /// <summary>Goes on where an earlier program was with the same queue after <see cref="ShowFar"/>; false where there was none.</summary>
    public bool TryGoFar()
    {
        if (_restorable is null || !_far.TryGetValue((Negotiated, Ring.Size), out var far) || !_restorable.TryRestore(far.State, out _)) return false;
        far.Ring.CopyTo(Memory.Bytes[Ring.Place..]);
        return true;
    }

    /// <summary>Others can go on here.</summary>
    public void ShowFar()
    {
        if (_restorable is null || _far.Count == MostFar) return;
        _far.TryAdd((Negotiated, Ring.Size), (_restorable.Save(), Memory.Bytes.Slice(Ring.Place, QueueLayout.PlaceSize).ToArray()));
    }

    /// <summary>The size that the device shows for the request queue: the largest, where none was written since it was reset.</summary>
    public uint ReadQueueSize()
    {
        Transport.Set(MmioRegister.QueueSel, RequestQueue);
        return Transport.Get(MmioRegister.QueueSizeMax);
    }

    /// <summary>Notifies of the request queue; with NOTIFICATION_DATA, of how far the driver is.</summary>
    public void Notify() => Transport.Set(MmioRegister.QueueNotify, Has(Features.NotificationData) ? (uint)Ring.Position << 16 : RequestQueue);

    /// <summary>What the device has notified of since the last time: 1 used buffers, 2 the configuration.</summary>
    public uint TakeNotifications()
    {
        uint notified = Transport.Get(MmioRegister.InterruptStatus);
        if (notified != 0) Transport.Set(MmioRegister.InterruptAck, notified);
        return notified;
    }

    /// <summary>A slot that is free, with a request in it; null where all are lent.</summary>
    public LentRequest? Put(ReadOnlySpan<byte> request, int writable, byte fill)
    {
        var slot = _slots[_nextSlot];
        // They come back in about the order in which they are lent.
        for (int tries = 1; slot.IsLent && tries < _slots.Length; tries++) slot = _slots[_nextSlot = (_nextSlot + 1) % _slots.Length];
        if (slot.IsLent) return null;
        slot.ReadableLength = request.Length;
        slot.WritableLength = writable;
        slot.Foretold = -1;
        request.CopyTo(Memory.Bytes[QueueLayout.Readable(slot.Slot)..]);
        Memory.Bytes.Slice(QueueLayout.Writable(slot.Slot), QueueLayout.MostWritable).Fill(fill);
        return slot;
    }

    /// <summary>The device may do with a request what it is lent for.</summary>
    public void Lend(LentRequest request, bool isInTable)
    {
        Memory.Grant(QueueLayout.Readable(request.Slot), request.ReadableLength, Rights.Read);
        Memory.Grant(QueueLayout.Writable(request.Slot), request.WritableLength, Rights.Write);
        request.IsInTable = isInTable;
        if (isInTable) Memory.Grant(QueueLayout.Table(request.Slot), 16 * QueueLayout.MostPieces, Rights.Read);
    }

    /// <summary>The request is the driver's again.</summary>
    public void TakeBack(LentRequest request)
    {
        Memory.Grant(QueueLayout.Readable(request.Slot), request.ReadableLength, Rights.None);
        Memory.Grant(QueueLayout.Writable(request.Slot), request.WritableLength, Rights.None);
        if (request.IsInTable) Memory.Grant(QueueLayout.Table(request.Slot), 16 * QueueLayout.MostPieces, Rights.None);
    }

    public ReadOnlySpan<byte> WritableOf(LentRequest request) => Memory.Bytes.Slice(QueueLayout.Writable(request.Slot), request.WritableLength);

    /// <summary>Has the twin answer a request, if it has not yet.</summary>
    public void Foretell(LentRequest request)
    {
        if (request.Foretold >= 0) return;
        var answer = request.Answer.AsSpan(0, Math.Min(request.WritableLength, _twin.LongestReply));
        answer.Clear();
        request.Foretold = _twin.Process(IommuDevice.RequestQueue, Memory.Bytes.Slice(QueueLayout.Readable(request.Slot), request.ReadableLength), answer);
    }

    /// <summary>Reads the configuration, as wide as its fields are; the first offset that has changed since the last time, or -1.</summary>
    public int ReadConfig(ulong features)
    {
        int changed = -1;
        Span<byte> word = stackalloc byte[4];
        for (int offset = 0; offset < IommuConfig.BypassOffset; offset += 4)
        {
            if (!IsField(offset, features)) continue;
            BinaryPrimitives.WriteUInt32LittleEndian(word, (uint)Transport.ReadConfig(offset, 4));
            if (changed < 0 && !word.SequenceEqual(_config.AsSpan(offset, 4))) changed = offset;
            word.CopyTo(_config.AsSpan(offset));
        }

        return changed;
    }

    public byte ReadBypass() => (byte)Transport.ReadConfig(IommuConfig.BypassOffset, 1);

    // Fields of features that are not offered are no business of a driver, and those of features that it has declined may have gone (2.5.1).
    private static bool IsField(int offset, ulong features) => offset switch
    {
        < InputRangeOffset => true,
        < DomainRangeOffset => (features & Features.InputRange) != 0,
        < IommuConfig.ProbeSizeOffset => (features & Features.DomainRange) != 0,
        _ => (features & Features.Probe) != 0,
    };

    private static uint Low(int offset) => (uint)QueueLayout.At(offset);
}
