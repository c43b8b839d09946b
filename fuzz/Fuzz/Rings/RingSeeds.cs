using System.Buffers.Binary;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Rings;

/// <summary>Ring programs to start from, the same for both formats.</summary>
internal static class RingSeeds
{
    public static IEnumerable<Seed> All() =>
    [
        new("one-request-of-each-type", Program(ulong.MaxValue, 4, [.. Enumerable.Range(1, 6).Select(type => Submit(0, (ushort)type, (uint)type, 100))])),
        new("twice-around-the-ring", Program(Features.EventIdx, 1, [.. Enumerable.Range(0, 6).Select(i => Submit(0, (ushort)i, 1, 4))])),
        new("fault-report", Program(0, 2, Submit(1, 0, 1, 24), Provoke(0x1000), Provoke(0x2000))),
        new("indirect-table", Program(Features.IndirectDesc, 2,
            Request(0, 1),
            Descriptor(2, 0, RingMachine.At(RingMachine.ReadableBuffers), 20, 1, 1),
            Descriptor(2, 1, RingMachine.At(RingMachine.WritableBuffers), 4, 2, 0),
            Descriptor(0, 0, RingMachine.At(RingMachine.IndirectTable), 32, 0x84, 0),
            Offer(0, 0, 1),
            Notify(0))),
    ];

    /// <summary>What there is of split rings besides (2.7.5.3.2): direct descriptors with a table behind them.</summary>
    public static IEnumerable<Seed> Split() =>
    [
        .. All(),
        new("table-behind-direct-descriptors", Program(Features.IndirectDesc, 2,
            Request(0, 1),
            Descriptor(0, 0, RingMachine.At(RingMachine.ReadableBuffers), 20, 1, 1),
            Descriptor(0, 1, RingMachine.At(RingMachine.IndirectTable), 16, 4, 0),
            Descriptor(2, 0, RingMachine.At(RingMachine.WritableBuffers), 4, 2, 0),
            Offer(0, 0, 1),
            Notify(0))),
    ];

    public static byte[] Program(ulong features, byte size, params byte[][] steps)
    {
        var program = new byte[RingShape.HeaderSize + (steps.Length * RingShape.StepSize)];
        BinaryPrimitives.WriteUInt64LittleEndian(program, features);
        program[RingShape.SizeOffset] = size;
        for (int i = 0; i < steps.Length; i++) steps[i].CopyTo(program, RingShape.HeaderSize + (i * RingShape.StepSize));
        return program;
    }

    public static byte[] Submit(byte where, ushort index, uint type, uint writable) => Step(RingStep.Submit, where, index, writable, 0, 0, 0, type);

    public static byte[] Descriptor(byte where, ushort index, ulong address, uint length, ushort flags, ushort next) =>
        Step(RingStep.Descriptor, where, index, length, address, flags, next, 0);

    public static byte[] Offer(byte where, ushort index, uint move) => Step(RingStep.Offer, where, index, 0, 0, 0, 0, move);

    public static byte[] Notify(byte where) => Step(RingStep.Notify, where, 0, 0, 0, 0, 0, 0);

    public static byte[] Request(ushort buffer, uint type) => Step(RingStep.Request, 0, buffer, 0, 0, 0, 0, type);

    public static byte[] Provoke(ulong at) => Step(RingStep.Provoke, 0, 0, 0, at, 0, 0, 0);

    private static byte[] Step(RingStep kind, byte where, ushort index, uint length, ulong address, ushort flags, ushort next, uint value)
    {
        var step = new byte[RingShape.StepSize];
        step[0] = (byte)kind;
        step[RingShape.Table] = where;
        BinaryPrimitives.WriteUInt16LittleEndian(step.AsSpan(RingShape.Index), index);
        BinaryPrimitives.WriteUInt32LittleEndian(step.AsSpan(RingShape.Length), length);
        BinaryPrimitives.WriteUInt64LittleEndian(step.AsSpan(RingShape.Address), address);
        BinaryPrimitives.WriteUInt16LittleEndian(step.AsSpan(RingShape.Flags), flags);
        BinaryPrimitives.WriteUInt16LittleEndian(step.AsSpan(RingShape.NextOrId), next);
        BinaryPrimitives.WriteUInt32LittleEndian(step.AsSpan(RingShape.Value), value);
        return step;
    }
}
