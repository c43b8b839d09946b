using System.Buffers.Binary;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Transport;
using Viommu.Device.Wire;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports;

/// <summary>One of the spaces that an access can go to.</summary>
internal enum Space
{
    /// <summary>Memory-mapped registers.</summary>
    Registers,

    /// <summary>The second memory BAR, where there is one.</summary>
    Second,

    /// <summary>PCI configuration space.</summary>
    Configuration,

    /// <summary>I/O space.</summary>
    Ports,
}

/// <summary>
/// A device whose registers can be accessed in any way, and that is afterwards expected to work as if nothing had been: after a reset it
/// negotiates and answers a request, whatever came before.
/// </summary>
internal abstract class RegisterMachine
{
    /// <summary>Where a driver that behaves puts its queue, and its buffers.</summary>
    protected const int Rings = 0x1000;
    protected const int QueueSize = 16;
    protected const int Descriptors = Rings;
    protected const int Available = Rings + (16 * QueueSize);
    // A page further on, as the legacy layout has it.
    protected const int Used = Rings + 0x1000;
    protected const int Readable = 0x4000;
    protected const int Writable = 0x5000;

    private const ushort Next = 1;
    private const ushort Write = 2;

    private ulong[]? _identity;

    protected RegisterMachine(Subject subject)
    {
        Memory = new(0x8000) { MaximumAccesses = 1 << 16 };
        Memory.Grant(0, Memory.Size, Rights.Both);
        var beyond = new FlatGuestMemory(TestBed.Ram, RequestMachine.RamSize);
        Iommu = new(subject.Variation.Options(TestBed.Options), beyond);
        var parts = subject.Variation.Assemble(Iommu, beyond);
        Device = parts.Device;
        Dma = parts.Dma;
        RingMemory = subject.Variation.RingMemory(Memory);
    }

    public ShadowedMemory Memory { get; }

    /// <summary>Features that a driver that behaves accepts.</summary>
    protected ulong Accepted => Features.Version1 | (Device.DeviceTypeFeatures & Features.IommuChapter & ~Features.Bypass);

    protected IommuDevice Iommu { get; }

    protected IVirtioDevice Device { get; }

    protected IEndpointDma Dma { get; }

    protected IGuestMemory RingMemory { get; }

    /// <summary>Everything that the device offers, on every transport that can.</summary>
    protected static VirtioFeatures Offered => VirtioFeatures.Default | VirtioFeatures.InOrder | VirtioFeatures.RingPacked | VirtioFeatures.NotificationData;

    protected static ulong At(int offset) => ShadowedMemory.First + (uint)offset;

    /// <summary>Where it says which device it is, each with its width: read-only, and the same at any moment.</summary>
    protected abstract IReadOnlyList<(Space Space, int Offset, int Width)> Identity { get; }

    /// <summary>The machine is as after power-on, with its registers where they are expected.</summary>
    public abstract void PowerOn();

    public abstract ulong ReadAt(Space space, int offset, int width);

    public abstract void WriteAt(Space space, int offset, int width, ulong value);

    /// <summary>The device status, read without an effect.</summary>
    public abstract uint Status { get; }

    /// <summary>Device reset, negotiation and queue 0 at <see cref="Rings"/>, as a driver that behaves does it.</summary>
    protected abstract void Initialize();

    /// <summary>Notifies queue 0.</summary>
    protected abstract void Notify();

    /// <summary>Puts the machine in the middle of its life, so that accesses meet a device at work.</summary>
    public void Start()
    {
        Memory.Restart();
        Memory.Bytes.Clear();
        PowerOn();
        _identity ??= [.. Identity.Select(place => ReadAt(place.Space, place.Offset, place.Width))];
        Initialize();
        PutChain();
    }

    /// <summary>The device is the one that it was when the machine was switched on, whatever was written to it.</summary>
    public void RequireIdentity()
    {
        for (int i = 0; i < Identity.Count; i++)
        {
            var (space, offset, width) = Identity[i];
            if (ReadAt(space, offset, width) != _identity![i])
                throw new BrokenInvariantException("identity-stays", $"{space} 0x{offset:x}", $"what is read at 0x{offset:x} has changed, although it is read-only");
        }
    }

    /// <summary>An endpoint makes an access that is reported.</summary>
    public void Provoke()
    {
        Span<byte> into = stackalloc byte[4];
        Dma.Read(TestBed.ThirdEndpoint, new(0x1000), into);
    }

    /// <summary>Makes the chain of <see cref="Start"/> available once more, as queue 0 is at the start.</summary>
    public void Offer() => Put16(Available + 2, (ushort)(Get16(Available + 2) + 1));

    /// <summary>Resets the device and uses it as a driver does.</summary>
    public void RequireItWorks()
    {
        Memory.Restart();
        Memory.Bytes.Clear();
        RestoreAccess();
        Initialize();
        PutChain();
        Put16(Available + 2, 1);
        Notify();
        Require(Get16(Used + 2) == 1, "it does not use a buffer");
        Require(BinaryPrimitives.ReadUInt32LittleEndian(Memory.Bytes[(Used + 8)..]) == Requests.TailSize, "it answers with another used length");
        Require(Memory.Bytes[Writable] == 0, "it answers ATTACH by something else than OK");
    }

    /// <summary>Makes registers accessible again, whatever was written to configuration space.</summary>
    protected virtual void RestoreAccess()
    {
    }

    /// <summary>What an access of that width carries of a value.</summary>
    protected static ulong Carried(ulong value, int width) => width < sizeof(ulong) ? value & ((1UL << (8 * width)) - 1) : value;

    private void PutChain()
    {
        var request = AttachRequest;
        request.CopyTo(Memory.Bytes[Readable..]);
        PutDescriptor(0, Readable, request.Length, Next, 1);
        PutDescriptor(1, Writable, Requests.TailSize, Write, 0);
        Memory.Bytes[Writable] = 0xa5;
    }

    private static byte[] AttachRequest { get; } = Requests.Attach(1, TestBed.FirstEndpoint);

    private void PutDescriptor(int index, int buffer, int length, ushort flags, ushort next)
    {
        var descriptor = Memory.Bytes.Slice(Descriptors + (16 * index), 16);
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor, At(buffer));
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[8..], (uint)length);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[12..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[14..], next);
    }

    private void Put16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Memory.Bytes[offset..], value);

    private ushort Get16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(Memory.Bytes[offset..]);

    protected static void Require(bool holds, string what)
    {
        if (!holds) throw new BrokenInvariantException("works-again-after-reset", what, $"after a reset {what}");
    }
}
