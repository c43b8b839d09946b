using System.Buffers.Binary;
using System.Numerics;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Transports.Judging;

namespace Viommu.Fuzz.Transports;

/// <summary>
/// What a driver that behaves does, and the machine around it, as steps of inputs: queue (1), count (1), flags (1), choice (4). Any of them can
/// come at any time, and then it may be that nobody may do it.
/// </summary>
internal static class Steps
{
    /// <summary>The kind of the first of them.</summary>
    public const int First = 8;

    public const int Offer = First;
    public const int Provoke = First + 1;
    public const int Reset = First + 2;
    public const int Negotiate = First + 3;
    public const int Prepare = First + 4;
    public const int Enable = First + 5;
    public const int GoLive = First + 6;
    public const int Use = First + 7;
    public const int Stop = First + 8;
    public const int ResetQueue = First + 9;
    public const int Suspend = First + 10;
    public const int Resume = First + 11;
    public const int ChangeBypass = First + 12;
    public const int WriteBypass = First + 13;
    public const int Acknowledge = First + 14;
    public const int Survey = First + 15;
    public const int BringUp = First + 16;
    public const int Command = First + 17;
    public const int Map = First + 18;
    public const int Mask = First + 19;
    public const int BreakRing = First + 20;

    /// <summary>Number of them.</summary>
    public const int Count = 21;

    private const int QueueOffset = 1;
    private const int CountOffset = 2;
    private const int FlagsOffset = 3;
    private const int ChoiceOffset = 4;
    private const byte NotWanted = 1;
    private const byte OtherPlace = 2;

    private static readonly Field _queue = new("queue", QueueOffset, 1, FieldKind.Choice, 0, 0, 1);
    private static readonly Field _chains = new("count", CountOffset, 1, FieldKind.Choice, 1, 1, 2, 3, 7, 24);
    private static readonly Field _size = new("size", CountOffset, 1, FieldKind.Choice, 1, 2, 3, 4, 6);
    private static readonly Field _wanted = new("flags", FlagsOffset, 1, FieldKind.Flags, NotWanted, OtherPlace);
    private static readonly Field _choice = new("choice", ChoiceOffset, 4, FieldKind.Flags, Choice.Values);

    /// <summary>The kinds, those of PCI among them with no weight where there is none.</summary>
    public static RecordKind[] Kinds(bool isPci) =>
    [
        new("offer", 2, _queue),
        new("provoke", 2),
        new("reset", 2),
        new("negotiate", 2, _choice),
        new("prepare", 4, _queue, _size, _wanted),
        new("enable", 4, _queue),
        new("go-live", 3),
        new("use", 8, _queue, _chains, _wanted),
        new("stop", 2, _queue),
        new("reset-queue", 3, _queue),
        new("suspend", 2),
        new("resume", 2),
        new("change-bypass", 3),
        new("write-bypass", 1, new Field("value", CountOffset, 1, FieldKind.Choice, 0, 1)),
        new("acknowledge", 3),
        new("survey", 4, new Field("order", ChoiceOffset, 4, FieldKind.Flags, 1, 2, 4)),
        new("bring-up", 2, _size, _choice),
        new("command", isPci ? 1 : 0, new Field("bits", CountOffset, 1, FieldKind.Flags, RegisterMachine.MemorySpace, RegisterMachine.BusMaster, RegisterMachine.LineDisabled)),
        new("map", isPci ? 4 : 0, new Field("event", QueueOffset, 1, FieldKind.Choice, 0, 0, 1, 2), new Field("vector", CountOffset, 1, FieldKind.Choice, 0, 1, 2, 3, 0xff),
            new Field("flags", FlagsOffset, 1, FieldKind.Flags, RegisterMachine.WithoutMessages, RegisterMachine.MasksAll)),
        new("mask", isPci ? 2 : 0, new Field("masked", QueueOffset, 1, FieldKind.Choice, 0, 1), new Field("vector", CountOffset, 1, FieldKind.Choice, 0, 1, 2)),
        new("break-ring", 1),
    ];

    public static void Run(RegisterMachine machine, ReadOnlySpan<byte> step, int kind)
    {
        int queue = step[QueueOffset] % DeviceJudge.QueueCount;
        int count = step[CountOffset];
        uint choice = BinaryPrimitives.ReadUInt32LittleEndian(step[ChoiceOffset..]);
        switch (kind)
        {
            case Offer: machine.Offer(queue); break;
            case Provoke: machine.Provoke(); break;
            case Reset: machine.Reset(); break;
            case Negotiate: machine.Negotiate(choice); break;
            case Prepare: machine.Prepare(queue, (step[FlagsOffset] & OtherPlace) != 0 ? 1 : 0, SizeOf(count)); break;
            case Enable: machine.EnableQueue(queue); break;
            case GoLive: machine.GoLive(); break;
            case Use: machine.Use(queue, count % (DrivenRing.MaximumSize + 1), (step[FlagsOffset] & NotWanted) == 0); break;
            case Stop: machine.StopQueue(queue); break;
            case ResetQueue: machine.ResetQueue(queue); break;
            case Suspend: machine.Suspend(); break;
            case Resume: machine.Resume(); break;
            case ChangeBypass: machine.ChangeBypass(); break;
            case WriteBypass: machine.WriteBypass((byte)count); break;
            case Acknowledge: machine.Acknowledge(); break;
            case Survey: machine.Survey(choice); break;
            case Command: machine.Command(count); break;
            case Map: machine.Map(step[QueueOffset], count, step[FlagsOffset]); break;
            case BreakRing: machine.BreakRing(queue); break;
            case Mask: machine.Mask(count, (step[QueueOffset] & 1) != 0); break;
            default: machine.BringUp(choice, SizeOf(count)); break;
        }
    }

    // Sizes are powers of two from 2 on; an input that says nothing means the largest.
    private static int SizeOf(int count) => count == 0 ? DrivenRing.MaximumSize : 2 << ((count - 1) % BitOperations.Log2(DrivenRing.MaximumSize));
}
