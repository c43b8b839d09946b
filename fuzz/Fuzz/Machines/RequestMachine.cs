using System.Buffers.Binary;
using Viommu.Conformance.Oracle;
using Viommu.Device.Iommu;
using Viommu.Device.Transport;
using Viommu.Device.Wire;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using ProbeRequest = Viommu.Guest.Wire.ProbeRequest;
using ReservedRegion = Viommu.Guest.Wire.ReservedRegion;

namespace Viommu.Fuzz.Machines;

/// <summary>How the buffers of a request are cut into descriptors.</summary>
internal enum Framing : byte
{
    /// <summary>One descriptor for each part.</summary>
    Plain,

    /// <summary>The readable part in two.</summary>
    SplitReadable,

    /// <summary>The writable part in two.</summary>
    SplitWritable,

    /// <summary>Both in an indirect table, where that was negotiated.</summary>
    Indirect,
}

/// <summary>
/// The least machine that requests can be sent on: a virtio-iommu on virtio-mmio with split rings, in shadowed memory, driven by bare
/// register and memory accesses. It allocates nothing but when it is built.
/// </summary>
internal sealed class RequestMachine : IRequestMachine
{
    /// <summary>Guest memory that is free for DMA, as an offset into <see cref="Memory"/>.</summary>
    public const int RamOffset = 0x1_0000;

    /// <summary>Guest memory that is free for DMA, in bytes.</summary>
    public const int RamSize = 0x1_0000;

    /// <summary>The longest readable part of a request, in bytes.</summary>
    public const int MaximumReadable = 256;

    /// <summary>The longest writable part of a request, in bytes.</summary>
    public const int MaximumWritable = 2048;

    // This driver puts every chain in the same descriptors, which IN_ORDER forbids; the others change rings or doorbells.
    private const ulong NotSpoken = Features.RingPacked | Features.NotificationData | Features.InOrder;

    private const int QueueSize = 16;
    private const int Descriptors = 0x0000;
    private const int Available = 0x0400;
    private const int Used = 0x0800;
    private const int IndirectTable = 0x0c00;
    private const int EventDescriptors = 0x1000;
    private const int EventAvailable = 0x1400;
    private const int EventUsed = 0x1800;
    private const int Readable = 0x2000;
    private const int Writable = 0x4000;
    private const int EventBuffers = 0x8000;
    private const int EventBufferSize = 64;
    private const int FaultSize = 24;
    private const ushort Next = 1;
    private const ushort Write = 2;
    private const ushort Indirect = 4;

    private static readonly byte[] _allEventBuffers = AllEventBuffers();

    private readonly IRegisters _transport;
    private readonly IVirtioDevice _device;
    private readonly DmaMemory _dmaMemory;
    private readonly byte[] _dmaBuffer = new byte[4096];
    private readonly DeviceFacts?[] _facts = new DeviceFacts?[(int)Features.IommuChapter + 1];
    private ulong _offered;

    // By the last negotiation; null where there was none since power was on.
    private ulong? _wanted;
    private ushort _sent;
    private ushort _eventsSeen;
    private int _readableGranted;
    private int _writableGranted;

    public RequestMachine(IommuOptions options, VirtioFeatures features, Subject subject)
    {
        Memory = new(RamOffset + RamSize);
        _dmaMemory = new(Memory);
        Options = subject.Variation.Options(options);
        Iommu = new(Options, _dmaMemory);
        var parts = subject.Variation.Assemble(Iommu, _dmaMemory);
        _device = parts.Device;
        Dma = parts.Dma;
        _transport = Registers.Of(subject, parts.Device, Memory, features);
        GrantRings();
    }

    public ShadowedMemory Memory { get; }

    public IommuOptions Options { get; }

    public IommuDevice Iommu { get; }

    public IEndpointDma Dma { get; }

    /// <inheritdoc/>
    public DeviceFacts Facts => _facts[Negotiated & Features.IommuChapter] ??= NewFacts();

    /// <inheritdoc/>
    public byte Poison => GuardedBuffer.Poison;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Reply => Memory.Bytes.Slice(Writable + MaximumWritable - _writableGranted, _writableGranted);

    /// <summary>Features in force.</summary>
    public ulong Negotiated { get; private set; }

    public uint Status => _transport.Get(MmioRegister.Status);

    /// <inheritdoc/>
    public void Begin(ulong wanted)
    {
        if (wanted != _wanted)
        {
            Start(wanted);
            return;
        }

        Memory.Restart();
        ForgetRequests();
    }

    /// <inheritdoc/>
    public void Start(ulong wanted)
    {
        _wanted = wanted;
        Memory.Restart();
        _transport.Set(MmioRegister.Status, 0);
        _transport.Set(MmioRegister.Status, StatusBits.Acknowledge);
        _transport.Set(MmioRegister.Status, StatusBits.Found);
        _offered = _transport.ReadOffer();
        Negotiated = (wanted & _offered & ~NotSpoken) | (ulong)VirtioFeatures.Version1;
        _transport.WriteDriverFeatures(Negotiated);
        _transport.Set(MmioRegister.Status, StatusBits.Negotiated);
        SetUpQueue(0, Descriptors, Available, Used);
        SetUpQueue(1, EventDescriptors, EventAvailable, EventUsed);
        OfferEventBuffers();
        _transport.Set(MmioRegister.Status, StatusBits.Live);
        Require(Status == StatusBits.Live,
            "negotiation-succeeds", "a legal negotiation did not end in DRIVER_OK");
    }

    /// <summary>
    /// The state of device type 23 is as after <see cref="Start"/>; transport and rings go on. It spares most of the cost of a reset.
    /// </summary>
    public void ForgetRequests()
    {
        _device.Reset();
        _device.FeaturesNegotiated(Negotiated);
    }

    /// <summary>Handles a request beside the rings: for setting up, where rings are not what is looked at.</summary>
    public int Process(ReadOnlySpan<byte> request, Span<byte> reply) => _device.Process(IommuDevice.RequestQueue, request, reply);

    /// <inheritdoc/>
    public int Send(ReadOnlySpan<byte> readable, int writable, Framing framing)
    {
        int from = PutReadable(readable);
        int to = PutWritable(writable);
        int head = PutDescriptors(from, readable.Length, to, writable, framing);
        Put16(Available + 4 + (2 * (_sent % QueueSize)), (ushort)head);
        Put16(Available + 2, ++_sent);
        AskForInterrupt(Available, (ushort)(_sent - 1));
        _transport.Set(MmioRegister.QueueNotify, 0);

        Require((Status & StatusBits.NeedsReset) == 0, "well-formed-rings-are-served", "the device needs a reset after a well-formed chain");
        Require(Get16(Used + 2) == _sent, "well-formed-rings-are-served", "the device did not use the one available chain");
        int element = Used + 4 + (8 * ((ushort)(_sent - 1) % QueueSize));
        Require(Get32(element) == (uint)head, "used-id-is-the-head", "the used element names another chain");
        uint used = Get32(element + 4);
        Require(used <= (uint)writable, "used-length-within-writable", "the used length exceeds the writable part");
        return (int)used;
    }

    /// <inheritdoc/>
    public void Access(uint endpoint, ulong at, bool isWrite, Span<ulong> landed)
    {
        var bytes = _dmaBuffer.AsSpan(0, landed.Length);
        if (isWrite) bytes.Fill((byte)(at >> 4));
        _dmaMemory.Begin(landed);
        var result = isWrite ? Dma.Write(endpoint, new(at), bytes) : Dma.Read(endpoint, new(at), bytes);
        _dmaMemory.End(landed, result);
    }

    /// <inheritdoc/>
    public bool TryTakeReport(Span<byte> into, out uint usedLength)
    {
        usedLength = 0;
        if (Get16(EventUsed + 2) == _eventsSeen) return false;
        int element = EventUsed + 4 + (8 * (_eventsSeen++ % QueueSize));
        AskForInterrupt(EventAvailable, _eventsSeen);
        int buffer = (int)(Get32(element) % QueueSize);
        usedLength = Get32(element + 4);
        Require(usedLength <= FaultSize, "used-length-within-writable", "the used length of an event buffer exceeds it");
        Memory.Bytes.Slice(EventBuffers + (buffer * EventBufferSize), FaultSize).CopyTo(into);
        OfferEventBuffer(buffer);
        return true;
    }

    /// <inheritdoc/>
    public byte ReadBypass() => (byte)ReadConfig(IommuConfig.BypassOffset, 1);

    /// <inheritdoc/>
    public void WriteBypass(byte value) => WriteConfig(IommuConfig.BypassOffset, 1, value);

    /// <summary>Reads configuration space of the device type.</summary>
    public ulong ReadConfig(int offset, int width) => _transport.ReadConfig(offset, width);

    /// <summary>Writes configuration space of the device type.</summary>
    public void WriteConfig(int offset, int width, ulong value) => _transport.WriteConfig(offset, width, value);

    /// <inheritdoc/>
    public void SystemReset()
    {
        _wanted = null;
        _transport.SystemReset();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private DeviceFacts NewFacts()
    {
        Span<byte> config = stackalloc byte[IommuConfig.Size];
        for (int i = 0; i < config.Length; i++) config[i] = (byte)ReadConfig(i, 1);
        var endpoints = Options.Endpoints.Select(endpoint => new EndpointFacts(endpoint.Id, RegionsOf(endpoint)));
        var ram = new AddressWindow(TestBed.Ram, TestBed.Ram + RamSize - 1);
        return new(_offered, Negotiated, IommuConfig.Decode(config) with { Bypass = Options.InitialBypass ? (byte)1 : (byte)0 }, endpoints, ram) { KnowsEveryEndpoint = true };
    }

    // As PROBE tells them, where it does: what a device makes of its endpoints is judged by that (5.13.6.3.2).
    private ReservedRegion[] RegionsOf(EndpointOptions endpoint)
    {
        var probe = new ProbeRequest(endpoint.Id, (int)Options.ProbeSize);
        var reply = new byte[probe.WritableLength];
        bool isTold = (_offered & Features.Probe) != 0 && Process(probe.Encode(), reply) == reply.Length && reply[Options.ProbeSize] == 0;
        return isTold
            ? [.. ProbeProperty.Parse(reply.AsSpan(0, (int)Options.ProbeSize)).Select(property => property.AsReservedRegion()).OfType<ReservedRegion>()]
            : [.. endpoint.ReservedRegions.Select(region => new ReservedRegion((byte)region.Kind, 0, region.Range.First, region.Range.Last))];
    }

    private static void Require(bool holds, string rule, string message)
    {
        if (!holds) throw new BrokenInvariantException(rule, "", message);
    }


    private void SetUpQueue(uint queue, int descriptors, int available, int used)
    {
        Memory.Bytes.Slice(available, 4 + (2 * QueueSize) + 2).Clear();
        Memory.Bytes.Slice(used, 4 + (8 * QueueSize) + 2).Clear();
        _transport.Set(MmioRegister.QueueSel, queue);
        _transport.Set(MmioRegister.QueueSize, QueueSize);
        _transport.Set(MmioRegister.QueueDescLow, Low(descriptors));
        _transport.Set(MmioRegister.QueueDescHigh, 0);
        _transport.Set(MmioRegister.QueueDriverLow, Low(available));
        _transport.Set(MmioRegister.QueueDriverHigh, 0);
        _transport.Set(MmioRegister.QueueDeviceLow, Low(used));
        _transport.Set(MmioRegister.QueueDeviceHigh, 0);
        _transport.Set(MmioRegister.QueueReady, 1);
    }

    private void OfferEventBuffers()
    {
        _sent = 0;
        _eventsSeen = 0;
        _allEventBuffers.CopyTo(Memory.Bytes[EventAvailable..]);
    }

    // The available ring of the event queue with every buffer in it.
    private static byte[] AllEventBuffers()
    {
        var ring = new byte[4 + (2 * QueueSize)];
        ring[2] = QueueSize;
        for (int buffer = 0; buffer < QueueSize; buffer++) ring[4 + (2 * buffer)] = (byte)buffer;
        return ring;
    }

    private void OfferEventBuffer(int buffer)
    {
        ushort index = Get16(EventAvailable + 2);
        Put16(EventAvailable + 4 + (2 * (index % QueueSize)), (ushort)buffer);
        Put16(EventAvailable + 2, (ushort)(index + 1));
    }

    // With EVENT_IDX: of every buffer, so that what the device does with one never depends on how many came before.
    private void AskForInterrupt(int available, ushort atUsedIndex) => Put16(available + 4 + (2 * QueueSize), atUsedIndex);

    private void GrantRings()
    {
        GrantRing(Descriptors, Available, Used);
        GrantRing(EventDescriptors, EventAvailable, EventUsed);
        for (int buffer = 0; buffer < QueueSize; buffer++)
        {
            Memory.Grant(EventBuffers + (buffer * EventBufferSize), FaultSize, Rights.Write);
            PutDescriptor(EventDescriptors, buffer, EventBuffers + (buffer * EventBufferSize), FaultSize, Write, 0);
        }

        Memory.Grant(IndirectTable, 4 * 16, Rights.Read);
    }

    private void GrantRing(int descriptors, int available, int used)
    {
        Memory.Grant(descriptors, 16 * QueueSize, Rights.Read);
        Memory.Grant(available, 4 + (2 * QueueSize) + 2, Rights.Read);
        Memory.Grant(used, 4 + (8 * QueueSize) + 2, Rights.Write);
    }

    // Buffers end where their room ends: one byte more is outside, and so is one byte before them.
    private int PutReadable(ReadOnlySpan<byte> readable)
    {
        if (_readableGranted != readable.Length)
        {
            Memory.Grant(Readable, MaximumReadable, Rights.None);
            Memory.Grant(Readable + MaximumReadable - readable.Length, readable.Length, Rights.Read);
            _readableGranted = readable.Length;
        }

        int offset = Readable + MaximumReadable - readable.Length;
        readable.CopyTo(Memory.Bytes[offset..]);
        return offset;
    }

    private int PutWritable(int length)
    {
        if (_writableGranted != length)
        {
            Memory.Grant(Writable, MaximumWritable, Rights.None);
            Memory.Grant(Writable + MaximumWritable - length, length, Rights.Write);
            _writableGranted = length;
        }

        int offset = Writable + MaximumWritable - length;
        Memory.Bytes.Slice(offset, length).Fill(GuardedBuffer.Poison);
        return offset;
    }

    private int PutDescriptors(int from, int readable, int to, int writable, Framing framing)
    {
        bool isIndirect = framing == Framing.Indirect && (Negotiated & (ulong)VirtioFeatures.IndirectDescriptors) != 0;
        int table = isIndirect ? IndirectTable : Descriptors;
        int count = 0;
        int firstReadable = framing == Framing.SplitReadable ? readable / 2 : readable;
        int firstWritable = framing == Framing.SplitWritable ? writable / 2 : writable;
        if (firstReadable > 0 || writable == 0) PutDescriptor(table, count, from, firstReadable, Next, ++count);
        if (firstReadable < readable) PutDescriptor(table, count, from + firstReadable, readable - firstReadable, Next, ++count);
        if (firstWritable > 0) PutDescriptor(table, count, to, firstWritable, Next | Write, ++count);
        if (firstWritable < writable) PutDescriptor(table, count, to + firstWritable, writable - firstWritable, Next | Write, ++count);
        int flags = table + (16 * (count - 1)) + 12;
        Put16(flags, (ushort)(Get16(flags) & ~Next));
        if (!isIndirect) return 0;
        int head = _sent % QueueSize;
        PutDescriptor(Descriptors, head, IndirectTable, 16 * count, Indirect, 0);
        return head;
    }

    private void PutDescriptor(int table, int index, int buffer, int length, ushort flags, int next)
    {
        var descriptor = Memory.Bytes.Slice(table + (16 * index), 16);
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor, ShadowedMemory.First + (uint)buffer);
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[8..], (uint)length);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[12..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[14..], (ushort)next);
    }

    private static uint Low(int offset) => (uint)(ShadowedMemory.First + (uint)offset);

    private void Put16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Memory.Bytes[offset..], value);

    private ushort Get16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(Memory.Bytes[offset..]);

    private uint Get32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(Memory.Bytes[offset..]);
}
