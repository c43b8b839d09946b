using System.Buffers.Binary;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Wire;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;

namespace Viommu.Fuzz.Lifecycles;

/// <summary>
/// A device whose whole life is in the driver's hands, and those of the machine around it. Now and then its state is saved and taken over by
/// a second one, which goes on in its place.
/// </summary>
internal sealed class LifecycleMachine
{
    private const int QueueSize = 16;
    private const int Descriptors = 0x0000;
    private const int Available = 0x0200;
    private const int Used = 0x0400;
    private const int Readable = 0x0800;
    private const int Writable = 0x0a00;
    private const int WritableLength = 128;
    private const ushort Next = 1;
    private const ushort Write = 2;

    private readonly (IRegisters Transport, IommuDevice Reference, ModelParts Parts)[] _devices;
    private readonly Subject _subject;
    private int _current;
    private bool _isChanged;
    private ushort _offered;

    public LifecycleMachine(Subject subject)
    {
        _subject = subject;
        Memory = new(0x2000);
        Memory.Grant(0, Memory.Size, Rights.Both);
        _devices = [New(), New()];
    }

    public ShadowedMemory Memory { get; }

    public IRegisters Transport => _devices[_current].Transport;

    public IEndpointDma Dma => _devices[_current].Parts.Dma;

    public IommuDevice Iommu => _devices[_current].Reference;

    /// <summary>What the device offers.</summary>
    public ulong Offered { get; private set; }

    public uint Status => Transport.Get(MmioRegister.Status);

    /// <summary>Chains that the device has used, as its ring says.</summary>
    public ushort UsedCount => BinaryPrimitives.ReadUInt16LittleEndian(Memory.Bytes[(Used + 2)..]);

    /// <summary>The status in the tail of the last request.</summary>
    public byte Answer(bool isProbe) => Memory.Bytes[Writable + (isProbe ? (int)TestBed.ProbeSize : 0)];

    public void PowerOn()
    {
        Memory.Restart();
        Memory.Bytes.Clear();
        foreach (var (transport, iommu, _) in _devices)
        {
            transport.SystemReset();
            if (!_isChanged) continue;
            // Hot-plug outlives every reset, so the endpoint that an input has taken or brought is put right.
            iommu.RemoveEndpoint(TestBed.FirstEndpoint);
            iommu.AddEndpoint(TestBed.Options.Endpoints[0]);
        }

        _isChanged = false;
        _current = 0;
        _offered = 0;
        if (Offered == 0) Offered = Transport.ReadOffer();
    }

    public void Set(uint register, uint value) => Transport.Set(register, value);

    /// <summary>Places queue 0 anew, its memory as a driver starts with it.</summary>
    public void PlaceQueue()
    {
        Memory.Bytes[..Readable].Clear();
        _offered = 0;
        Set(MmioRegister.QueueSel, 0);
        Set(MmioRegister.QueueSize, QueueSize);
        Set(MmioRegister.QueueDescLow, (uint)At(Descriptors));
        Set(MmioRegister.QueueDriverLow, (uint)At(Available));
        Set(MmioRegister.QueueDeviceLow, (uint)At(Used));
        Set(MmioRegister.QueueReady, 1);
    }

    /// <summary>Makes a request available; nobody is told.</summary>
    public void Offer(ReadOnlySpan<byte> request)
    {
        request.CopyTo(Memory.Bytes[Readable..]);
        Memory.Bytes.Slice(Writable, WritableLength).Fill(0xa5);
        PutDescriptor(0, Readable, request.Length, Next, 1);
        PutDescriptor(1, Writable, WritableLength - 28, Write, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(Memory.Bytes[(Available + 2)..], ++_offered);
    }

    /// <summary>Has the other device take over, from the saved state of this one.</summary>
    public void Migrate()
    {
        // What an interceptor knows of the device it stands in front of cannot be saved with it.
        if (Transport is not MmioRegisterFile { Device: var from } || _devices[_current].Parts.Device != Iommu) return;
        // What is plugged in is the machine's, not the state's: both have it.
        var state = from.Save();
        _current ^= 1;
        var to = ((MmioRegisterFile)Transport).Device;
        if (!to.TryRestore(state, out var error))
            throw new BrokenInvariantException("saved-state-is-taken-over", error.Fault.ToString(), $"a device does not take over the state that its twin has saved: {error}");
        if (!to.Save().AsSpan().SequenceEqual(state))
            throw new BrokenInvariantException("saved-state-is-taken-over", "saved again", "a device saves another state than the one it has taken over");
    }

    public void Plug(uint endpoint)
    {
        _isChanged = true;
        foreach (var (_, iommu, _) in _devices)
        {
            iommu.RemoveEndpoint(endpoint);
            iommu.AddEndpoint(new EndpointOptions(endpoint));
        }
    }

    public void Unplug(uint endpoint)
    {
        _isChanged = true;
        foreach (var (_, iommu, _) in _devices) iommu.RemoveEndpoint(endpoint);
    }

    private (IRegisters Transport, IommuDevice Reference, ModelParts Parts) New()
    {
        var beyond = new FlatGuestMemory(TestBed.Ram, RequestMachine.RamSize);
        var reference = new IommuDevice(_subject.Variation.Options(TestBed.Options), beyond);
        var parts = _subject.Variation.Assemble(reference, beyond);
        return (Registers.Of(_subject, parts.Device, Memory, VirtioFeatures.Default), reference, parts);
    }

    private static ulong At(int offset) => ShadowedMemory.First + (uint)offset;

    private void PutDescriptor(int index, int buffer, int length, ushort flags, ushort next)
    {
        var descriptor = Memory.Bytes.Slice(Descriptors + (16 * index), 16);
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor, At(buffer));
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[8..], (uint)length);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[12..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[14..], next);
    }
}
