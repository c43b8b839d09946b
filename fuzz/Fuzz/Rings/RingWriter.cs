using System.Buffers.Binary;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Rings;

/// <summary>The driver of ring programs: writes into memory what their steps say, in one of the two formats.</summary>
internal abstract class RingWriter(ShadowedMemory memory, RingRequests requests)
{
    protected const ushort Next = 1;
    protected const ushort Write = 2;

    protected RingPlace Place { get; private set; }

    /// <summary>What a step does.</summary>
    public static RingStep KindOf(ReadOnlySpan<byte> step) => (RingStep)(step[0] % RingShape.KindCount);

    /// <summary>The queue that a step is about.</summary>
    public static int QueueOf(ReadOnlySpan<byte> step) => step[RingShape.Table] % 3 == 1 ? 1 : 0;

    /// <summary>The address that a step names.</summary>
    public static ulong AddressOf(ReadOnlySpan<byte> step) => BinaryPrimitives.ReadUInt64LittleEndian(step[RingShape.Address..]);

    /// <summary>The rings are as a driver starts with them.</summary>
    public virtual void Begin(in RingPlace place) => Place = place;

    /// <summary>Carries out what a step writes; false where it wrote over what the device writes, so that nobody can tell what that was.</summary>
    public bool Carry(ReadOnlySpan<byte> step)
    {
        byte where = step[RingShape.Table];
        int index = BinaryPrimitives.ReadUInt16LittleEndian(step[RingShape.Index..]);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(step[RingShape.Length..]);
        uint value = BinaryPrimitives.ReadUInt32LittleEndian(step[RingShape.Value..]);
        int areas = QueueOf(step) * RingMachine.EventAreas;
        switch (KindOf(step))
        {
            case RingStep.Descriptor:
                ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(step[RingShape.Flags..]);
                ushort next = BinaryPrimitives.ReadUInt16LittleEndian(step[RingShape.NextOrId..]);
                int table = where % 3 == 2 ? RingMachine.IndirectTable : areas + RingMachine.Descriptors;
                PutDescriptor(table + (16 * (index % RingShape.LargestSize)), AddressOf(step), length, flags, next);
                return true;
            case RingStep.Offer:
                Offer(areas, index, (int)(value % 64));
                return true;
            case RingStep.Poke:
                int at = index % (RingMachine.ReadableBuffers - 2);
                Put16(areas + at, (ushort)value);
                return at is not (> RingMachine.DeviceArea - 2 and < RingMachine.IndirectTable);
            case RingStep.Request:
                PutRequest(RingMachine.ReadableBuffers + (128 * (index % 4)), (byte)value);
                return true;
            case RingStep.Submit:
                int buffer = 128 * (index % 4);
                PutRequest(RingMachine.ReadableBuffers + buffer, (byte)value);
                uint readable = areas != 0 ? 0 : (uint)RequestLayout.SizeOf((byte)value);
                Submit(areas, RingMachine.At(RingMachine.ReadableBuffers + buffer), readable, RingMachine.At(RingMachine.WritableBuffers + (4 * buffer)), length % 512);
                return true;
            default:
                return true;
        }
    }

    /// <summary>Writes a descriptor at an address.</summary>
    protected abstract void PutDescriptor(int offset, ulong address, uint length, ushort flags, ushort nextOrId);

    /// <summary>Writes an entry of the available ring and moves its index.</summary>
    protected abstract void Offer(int areas, int index, int move);

    /// <summary>Writes a chain of two buffers and makes it available.</summary>
    protected abstract void Submit(int areas, ulong readable, uint readableLength, ulong writable, uint writableLength);

    protected Span<byte> At(int offset, int length) => memory.Bytes.Slice(offset, length);

    protected void Put16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(memory.Bytes[offset..], value);

    protected ushort Get16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(memory.Bytes[offset..]);

    private void PutRequest(int offset, byte type) => requests.Of(type).CopyTo(memory.Bytes[offset..]);
}
