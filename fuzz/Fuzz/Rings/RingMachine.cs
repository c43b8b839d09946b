using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Transport;
using Viommu.Device.Wire;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Rings;

/// <summary>
/// A machine whose rings can be anything: a device with both queues in a small, shadowed memory, and a twin of it that is handed the same
/// requests beside any ring. What the two answer differs only where the ring was handled wrongly.
/// </summary>
internal sealed class RingMachine
{
    public const int MemorySize = 0x4000;
    public const int LongestRequest = 72;

    /// <summary>Areas of queue 0; those of queue 1 follow at <see cref="EventAreas"/>.</summary>
    public const int Descriptors = 0x0000;
    public const int DriverArea = 0x0200;
    public const int DeviceArea = 0x0400;
    public const int IndirectTable = 0x0600;
    public const int EventAreas = 0x3000;
    public const int ReadableBuffers = 0x0800;
    public const int WritableBuffers = 0x1000;

    private const ulong Spoken = Features.IndirectDesc | Features.EventIdx | Features.RingPacked | Features.InOrder;

    private readonly IRegisters _transport;
    private readonly IVirtioDevice _twin;
    private readonly IEndpointDma _dma;
    private readonly bool _isPacked;
    private ulong _offered;

    // The size of the rings that the device was given.
    private int _granted;

    public RingMachine(Subject subject, bool isPacked)
    {
        _isPacked = isPacked;
        Memory = new(MemorySize) { MaximumAccesses = 1 << 14 };
        var beyond = new FlatGuestMemory(TestBed.Ram, RequestMachine.RamSize);
        var options = subject.Variation.Options(TestBed.Options);
        var parts = subject.Variation.Assemble(new IommuDevice(options, beyond), beyond);
        _dma = parts.Dma;
        _twin = subject.Variation.Assemble(new IommuDevice(options, beyond), beyond).Device;
        var features = VirtioFeatures.Default | VirtioFeatures.InOrder | (isPacked ? VirtioFeatures.RingPacked : 0);
        _transport = Registers.Of(subject, parts.Device, Memory, features);
    }

    public ShadowedMemory Memory { get; }

    public uint Status => _transport.Get(MmioRegister.Status);

    /// <summary>Resets the device, negotiates, and places both queues, which it may not look at before it is live.</summary>
    public RingPlace Start(ulong wanted, int size)
    {
        Memory.Restart();
        Memory.RevokeLatest();
        Memory.Withhold();
        Memory.Bytes.Clear();
        // What a device offers stays the same over its resets, and is asked for once.
        if (_offered == 0) _offered = _transport.ReadOffer();
        ulong accepted = _offered & ((wanted & Spoken & ~Features.RingPacked) | Features.IommuChapter & ~Features.Bypass | Features.Version1 | (_isPacked ? Features.RingPacked : 0));
        _transport.Set(MmioRegister.Status, 0);
        _transport.Set(MmioRegister.Status, StatusBits.Found);
        _transport.WriteDriverFeatures(accepted);
        _transport.Set(MmioRegister.Status, StatusBits.Negotiated);
        Place(0, size, 0);
        Place(1, size, EventAreas);
        _transport.Set(MmioRegister.Status, StatusBits.Live);
        _twin.Reset();
        _twin.FeaturesNegotiated(accepted);
        Memory.Restore();
        // Most inputs leave them as large as they were.
        if (size != _granted) GrantRings(Memory, _isPacked, _granted = size);
        bool hasIndirect = (accepted & Features.IndirectDesc) != 0;
        return new(size, At(Descriptors), At(DriverArea), At(DeviceArea), hasIndirect, (accepted & Features.InOrder) != 0);
    }

    public void Notify(uint queue) => _transport.Set(MmioRegister.QueueNotify, queue);

    /// <summary>An endpoint without a domain makes an access, which leads to a fault report.</summary>
    public void Provoke(ulong at)
    {
        Span<byte> into = stackalloc byte[4];
        _dma.Read(TestBed.ThirdEndpoint, new(at), into);
    }

    /// <summary>What the twin answers: the used length, with the reply in <paramref name="reply"/>.</summary>
    public int AskTwin(ReadOnlySpan<byte> readable, Span<byte> reply)
    {
        reply.Clear();
        return _twin.Process(IommuDevice.RequestQueue, readable, reply);
    }

    /// <summary>The longest reply that the device gives.</summary>
    public int LongestReply => _twin.LongestReply;

    public static ulong At(int offset) => ShadowedMemory.First + (uint)offset;

    /// <summary>What the device may do with the rings themselves, and nothing else for now.</summary>
    public static void GrantRings(ShadowedMemory memory, bool isPacked, int size)
    {
        memory.RevokeAll();
        foreach (int areas in (ReadOnlySpan<int>)[0, EventAreas])
        {
            memory.Grant(areas + Descriptors, 16 * size, isPacked ? Rights.Both : Rights.Read);
            memory.Grant(areas + DriverArea, isPacked ? 4 : 6 + (2 * size), Rights.Read);
            memory.Grant(areas + DeviceArea, isPacked ? 4 : 6 + (8 * size), Rights.Write);
        }

        memory.KeepGrants();
    }

    private void Place(uint queue, int size, int areas)
    {
        _transport.Set(MmioRegister.QueueSel, queue);
        _transport.Set(MmioRegister.QueueSize, (uint)size);
        _transport.Set(MmioRegister.QueueDescLow, (uint)At(areas + Descriptors));
        _transport.Set(MmioRegister.QueueDriverLow, (uint)At(areas + DriverArea));
        _transport.Set(MmioRegister.QueueDeviceLow, (uint)At(areas + DeviceArea));
        _transport.Set(MmioRegister.QueueReady, 1);
    }

}
