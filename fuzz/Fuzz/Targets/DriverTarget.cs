using System.Buffers.Binary;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Hostile;
using Viommu.Fuzz.Machines;
using Viommu.Guest;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Targets;

/// <summary>
/// The suite's own guest driver against a device that lies. Whatever the device does, the driver ends its work, or says in one of the ways
/// it has for that what is wrong; it never reaches beyond guest memory, never loops, and never throws anything else.
/// </summary>
/// <remarks>Input: choices of the driver (1), zero (7); then the misdeeds of <see cref="HostileMachine"/>.</remarks>
internal sealed class DriverTarget : IFuzzTarget
{
    public static readonly TargetInfo Info = new(
        "driver", "a hostile device against the suite's own guest driver", NewShape(), StageCount * 16, subject => new DriverTarget(subject))
    {
        Instrumented = ["Viommu.Guest"],
        Shows = _ => false,
        Constants = [.. SpecConstants.Answers, .. SpecConstants.Statuses, .. SpecConstants.MmioRegisters],
        Seeds = Seeds,
    };

    private const int HeaderSize = 8;
    private const int StageCount = 8;

    // Accesses of a driver that has given up long ago are far fewer.
    private const int MaximumAccesses = 20_000;

    private readonly HostileMachine _machine;
    private int _stage;

    private DriverTarget(Subject subject) => _machine = new(subject.Variation);

    public void Execute(ReadOnlySpan<byte> input, Observations observations)
    {
        byte choices = input.IsEmpty ? (byte)0 : input[0];
        _machine.Start(input.Length > HeaderSize ? input[HeaderSize..] : default);
        int outcome = 0;
        _stage = 0;
        try
        {
            Drive(choices);
        }
        catch (DeviceViolationException)
        {
            outcome = 1;
        }
        catch (Exception refused) when (refused is GuestSetupException or TargetHungException or QueueTooSmallException)
        {
            outcome = 2;
        }

        observations.Operations = _machine.Accesses / 16;
        observations.Visit((_stage * 16) + (outcome * 4) + (choices & 3));
        observations.Saw((ulong)((_stage * 4) + outcome));
        observations.Saw((ulong)_machine.Accesses);
        if (_machine.Accesses > MaximumAccesses) throw new BrokenInvariantException("bounded-work", "", $"the driver made {_machine.Accesses} accesses");
    }

    public void Dispose() => _machine.Dispose();

    private void Drive(byte choices)
    {
        var machine = Machine.Discover(_machine, (choices & 1) != 0 ? Features.RingPacked : 0);
        _stage = 1;
        var driver = IommuDriver.Start(machine, new DriverSettings { EventBuffers = 4, RequestQueueSize = (choices & 2) != 0 ? (ushort)8 : null });
        _stage = 2;
        driver.Attach(1, TestBed.FirstEndpoint);
        driver.Map(1, 0x1000, 0x1fff, TestBed.Ram);
        _stage = 3;
        var probe = driver.Probe(TestBed.FirstEndpoint);
        ProbeProperty.Parse(probe.Reply);
        _stage = 4;
        driver.SendTogether([new MapRequest(1, 0x2000, 0x2fff, TestBed.Ram, 3), new UnmapRequest(1, 0x1000, 0x2fff), new DetachRequest(1, TestBed.FirstEndpoint)]);
        _stage = 5;
        driver.TakeEvents();
        driver.PostEventBuffer(24);
        _stage = 6;
        machine.ResetDevice();
        _stage = 7;
    }

    private static InputShape NewShape() => new()
    {
        HeaderSize = HeaderSize,
        RecordSize = HostileMachine.StepSize,
        MaximumRecords = 64,
        Header = [new("choices", 0, 1, FieldKind.Choice, 0, 1, 2, 3)],
        Kinds =
        [
            new("obey", 4, Repeat(0, 1, 2, 3, 4, 8, 16, 31)),
            new("lie", 6, Repeat(0, 0, 0, 1, 8), Value),
            new("flip", 4, Repeat(0, 0, 0, 1, 8), Value),
            new("ignore", 2, Repeat(0, 0, 1, 8)),
            new("scribble", 4, Repeat(0), Width, Place, Value),
            new("add", 4, Repeat(0), Width, Place, Value),
        ],
    };

    private static Field Width => new("width", 2, 1, FieldKind.Choice, 0, 1, 2, 3);

    private static Field Place => new("offset", HostileMachine.PlaceOffset, 4, FieldKind.Number, 0, 2, 4, 0x1000, 0x1002, 0x1004, 0x1800, 0x2000, 0x3000);

    private static Field Value => new("value", HostileMachine.ValueOffset, 8, FieldKind.Number, 0, 1, 2, 3, 4, 0xf, 0x40, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0x1_0000_0000, ulong.MaxValue);

    private static Field Repeat(params ulong[] values) => new("repeat", HostileMachine.RepeatOffset, 1, FieldKind.Choice, values);

    private static IEnumerable<Seed> Seeds() =>
    [
        new("honest", Program(0)),
        new("honest-packed", Program(1)),
        new("queue-of-no-size", Program(0, Step(HostileMachine.Misdeed.Obey, 20), Step(HostileMachine.Misdeed.Lie, 3, 0))),
        new("used-index-jumps", Program(0, Step(HostileMachine.Misdeed.Obey, 60), Step(HostileMachine.Misdeed.Add, 0, 7))),
        new("doorbell-without-effect", Program(2, Step(HostileMachine.Misdeed.Obey, 50), Step(HostileMachine.Misdeed.Ignore, 30))),
    ];

    private static byte[] Program(byte choices, params byte[][] steps) => [choices, 0, 0, 0, 0, 0, 0, 0, .. steps.SelectMany(step => step)];

    private static byte[] Step(HostileMachine.Misdeed misdeed, byte repeat, ulong value = 0)
    {
        var step = new byte[HostileMachine.StepSize];
        step[0] = (byte)misdeed;
        step[HostileMachine.RepeatOffset] = repeat;
        BinaryPrimitives.WriteUInt64LittleEndian(step.AsSpan(HostileMachine.ValueOffset), value);
        return step;
    }
}
