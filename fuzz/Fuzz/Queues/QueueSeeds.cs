using System.Buffers.Binary;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Queues;

/// <summary>Queue programs to start from: what drivers do.</summary>
internal static class QueueSeeds
{
    private const ulong Plain = ~(Features.EventIdx | Features.InOrder | Features.NotificationData);
    private const ulong WithEvents = ~(Features.InOrder | Features.NotificationData);
    private const int Attach = 6;

    public static IEnumerable<Seed> All()
    {
        foreach (bool isPacked in (bool[])[false, true])
        {
            string ring = isPacked ? "packed" : "split";
            // The longest ring that there is.
            byte all = isPacked ? (byte)(QueueLayout.LargestSize - 1) : (byte)6;
            yield return new($"{ring}-cut-in-every-way", Program(ulong.MaxValue, isPacked, 6, 0, [.. Enumerable.Range(0, 9).Select(cut => Submit(2, (byte)cut, 0x700))]));
            yield return new($"{ring}-bursts", Program(Plain, isPacked, all, 0, Submit(21, 0, 0), Submit(3, 4, 3), Submit(21, 0, 1), Submit(5, 0, Attach), Submit(21, 0, 0), DeviceReset(0, Plain), Submit(1, 0, 0)));
            yield return new($"{ring}-one-after-the-other", Filled(0xff, Program(WithEvents, isPacked, 3, 0, [.. Enumerable.Range(0, 10).Select(i => Submit(1, 0, (uint)(Attach + (i % 5))))])));
            byte[][] putOff = [Suppress(2, 0), Submit(3, 0, 0), Suppress(2, 1), Submit(3, 0, 0), Suppress(1, 0), Submit(1, 0, 0), Suppress(1, 255), Submit(1, 0, 0), Suppress(0, 0), Submit(1, 0, 0)];
            yield return new($"{ring}-notifications-put-off", Program(WithEvents, isPacked, 4, 0, putOff));
            yield return new($"{ring}-notifications-switched-off", Program(Plain, isPacked, 4, 0, putOff));
            byte[][] asked = [Submit(21, 0, 0), Submit(21, 0, 0), Submit(21, 0, 0), Submit(1, 0, 0)];
            yield return new($"{ring}-told-only-if-asked", Program(Plain, isPacked, all, QueueShape.IsQuiet, asked));
            yield return new($"{ring}-told-only-where-asked", Program(WithEvents, isPacked, all, QueueShape.IsQuiet, asked));
            yield return new($"{ring}-reset-and-again", Program(ulong.MaxValue, isPacked, 5, QueueShape.IsEarly, Submit(2, 0, 0), QueueReset(3, 4), Submit(20, 0, 0), DeviceReset(1, Plain), Submit(1, 0, 0), Step(QueueStep.SystemReset), Submit(1, 0, 0)));
            yield return new($"{ring}-suspended", Program(Plain, isPacked, all, QueueShape.SuspendsEarly, Submit(1, 0, Attach), Suspend(4), Submit(1, 0, Attach + 1), Suspend(1), Submit(21, 0, 0), Suspend(0), Submit(1, 0, 0)));
            yield return new($"{ring}-malformed", Program(Plain, isPacked, 4, 0, Submit(1, 0, 0), Step(QueueStep.Malform, how: 0), Submit(1, 0, 0), Step(QueueStep.Malform, how: 1)));
            yield return new($"{ring}-round-and-round", Program(WithEvents, isPacked, 4, 0, Lap(64), Suppress(2, 2), Submit(4, 0, 0), Submit(4, 0, 0), Lap(64), Submit(4, 0, 0)));
        }

        yield return new("split-where-the-index-wraps", Program(WithEvents, isPacked: false, 6, QueueShape.IsFar, Suppress(2, 15), Submit(8, 0, 0), Submit(8, 0, 0), Suppress(2, 0), Submit(8, 0, 0)));
        yield return new("split-with-the-index-in-notifications", Program(~Features.InOrder, isPacked: false, 6, QueueShape.IsFar, Submit(8, 0, 0)));
    }

    public static byte[] Program(ulong features, bool isPacked, byte size, int cares, params byte[][] steps)
    {
        var program = new byte[QueueShape.HeaderSize + (steps.Length * QueueShape.StepSize)];
        BinaryPrimitives.WriteUInt64LittleEndian(program, features);
        program[QueueShape.PackedOffset] = isPacked ? (byte)1 : (byte)0;
        program[QueueShape.SizeOffset] = size;
        program[QueueShape.FillOffset] = 0xa5;
        program[QueueShape.CaresOffset] = (byte)cares;
        for (int i = 0; i < steps.Length; i++) steps[i].CopyTo(program, QueueShape.HeaderSize + (i * QueueShape.StepSize));
        return program;
    }

    private static byte[] Filled(byte fill, byte[] program)
    {
        program[QueueShape.FillOffset] = fill;
        return program;
    }

    public static byte[] Submit(byte count, byte cut, uint requests, byte room = 0) => Step(QueueStep.Submit, cut, count, room, requests);

    public static byte[] Suppress(byte how, byte ahead) => Step(QueueStep.Suppress, how, ahead);

    public static byte[] DeviceReset(byte how, ulong features) => Step(QueueStep.DeviceReset, how, wanted: features);

    public static byte[] QueueReset(byte how, byte size) => Step(QueueStep.QueueReset, how, size);

    public static byte[] Suspend(byte how) => Step(QueueStep.Suspend, how);

    public static byte[] Lap(byte requests) => Step(QueueStep.Lap, count: requests);

    public static byte[] Step(QueueStep kind, byte how = 0, byte count = 0, byte room = 0, uint value = 0, ulong wanted = 0)
    {
        var step = new byte[QueueShape.StepSize];
        step[0] = (byte)kind;
        step[QueueShape.How] = how;
        step[QueueShape.Count] = count;
        step[QueueShape.Room] = room;
        BinaryPrimitives.WriteUInt32LittleEndian(step.AsSpan(QueueShape.Value), value);
        BinaryPrimitives.WriteUInt64LittleEndian(step.AsSpan(QueueShape.Wanted), wanted);
        return step;
    }
}
