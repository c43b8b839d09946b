using System.Buffers.Binary;
using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Devices;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Rings;
using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Tests.Devices.Rings;

/// <summary>The reference device as one of which nothing is seen but memory; what it does wrong is added here.</summary>
internal class ModelRingDevice : IRingDevice
{
    private readonly RingMachine _machine;
    private readonly RequestMachine _twin = TestBed.NewMachine(Subject.Reference);

    public ModelRingDevice(RingFormat format)
    {
        Format = format;
        _machine = new(Subject.Reference, format.IsPacked);
        _twin.Begin(Features.IommuChapter & ~Features.Bypass);
    }

    public TargetIdentity Identity { get; } = new("model", "");

    public DeviceFacts Facts => _twin.Facts;

    public bool IsBypassed => false;

    public uint Endpoint => TestBed.FirstEndpoint;

    public uint FaultingEndpoint => TestBed.ThirdEndpoint;

    public int Deaths { get; private set; }

    public int Starts => 1;

    public long RoundTrips { get; private set; }

    public RingFormat Format { get; }

    protected RingPlace Place { get; private set; }

    protected Span<byte> Memory => _machine.Memory.Bytes;

    protected bool NeedsReset { get; set; }

    protected int Notifications { get; private set; }

    public virtual RingPlace Start(ulong wanted, int size, RingLitter litter)
    {
        Place = _machine.Start(wanted & ~Features.InOrder, size);
        _machine.Memory.GrantAll();
        NeedsReset = false;
        Notifications = 0;
        return Place;
    }

    public bool Notify(int queue, ShadowedMemory memory, Func<bool> isServed)
    {
        RoundTrips++;
        memory.Bytes.CopyTo(Memory);
        Notifications++;
        Serve(queue);
        ReadMemory(memory);
        isServed();
        return NeedsReset || HasFailed;
    }

    public bool Provoke(ulong at, ShadowedMemory memory)
    {
        memory.Bytes.CopyTo(Memory);
        _machine.Provoke(at);
        ReadMemory(memory);
        return NeedsReset || HasFailed;
    }

    public void ReadMemory(ShadowedMemory memory) => Memory.CopyTo(memory.Bytes);

    public void End() => Deaths++;

    public void Dispose()
    {
    }

    /// <summary>What the reference device itself says of resets.</summary>
    protected bool HasFailed => (_machine.Status & StatusBits.NeedsReset) != 0;

    /// <summary>The device is notified.</summary>
    protected virtual void Serve(int queue) => _machine.Notify((uint)queue);

    protected static int OffsetOf(ulong address) => (int)(address - ShadowedMemory.First);

    protected ushort Get16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(Memory[offset..]);

    protected void Put16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Memory[offset..], value);

    protected uint Get32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(Memory[offset..]);

    protected void Put32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Memory[offset..], value);
}

/// <summary>A device that does something to memory, or asks for a reset, once it has served.</summary>
internal sealed class Tampered(RingFormat format, Action<Tampered, int> tamper) : ModelRingDevice(format)
{
    /// <summary>Guest memory.</summary>
    public Span<byte> Bytes => Memory;

    public bool AsksForReset
    {
        set => NeedsReset = value;
    }

    /// <summary>How often it was notified since it was started.</summary>
    public int Count => Notifications;

    /// <summary>The used element that was written last, or the used descriptor at the start of a packed ring.</summary>
    public int LatestUsed => Format.IsPacked ? RingMachine.Descriptors : RingMachine.DeviceArea + 4 + (8 * ((ushort)(Get16(RingMachine.DeviceArea + 2) - 1) % Place.Size));

    /// <summary>True where the device serves before it is tampered with.</summary>
    public bool Serves { get; init; } = true;

    /// <summary>Whether the device itself gave up.</summary>
    public bool HasGivenUp => HasFailed;

    protected override void Serve(int queue)
    {
        if (Serves) base.Serve(queue);
        tamper(this, queue);
    }
}
