using System.Buffers.Binary;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Targets;

namespace Viommu.Fuzz.Transports;

/// <summary>
/// Accesses of any width to any register of a device at work, and between them what a driver does that behaves. Nothing may throw, or touch
/// what is not memory; what is read and what is interrupted is held against the spec; and whatever was done, after a reset the device works.
/// </summary>
/// <remarks>
/// Input: which of the machines (1), zero (3), what is negotiated (4); then steps: kind (1), width or queue (1), count (1), flags (1),
/// offset or choice (4), value (8).
/// </remarks>
internal sealed class TransportTarget(params RegisterMachine[] machines) : IFuzzTarget
{
    // What is done: in which space, reading or writing. Of that, each register; and each width in each phase of the device; and what a driver
    // does, in each phase.
    private const int Actions = 4 * 2;
    private const int Registers = 256;
    private const int Phases = 4;
    private const int Widths = 4;
    private const int RegisterStates = Actions * Registers;
    private const int WidthStates = Actions * Phases * Widths;

    public const int StateCount = RegisterStates + WidthStates + (Steps.Count * Phases);

    private const int HeaderSize = 8;
    private const int StepSize = 16;
    private const int MaximumSteps = 48;
    private const int ChoiceOffset = 4;
    private const int WidthOffset = 1;
    private const int PlaceOffset = 4;
    private const int ValueOffset = 8;
    private const uint DefinedStatus = 0xdf;

    public void Execute(ReadOnlySpan<byte> input, Observations observations)
    {
        if (input.Length < HeaderSize) return;
        try
        {
            Execute(machines[input[0] % machines.Length], input, observations);
        }
        catch (TargetDiedException death)
        {
            throw new BrokenInvariantException("the-device-survives", "", death.Message);
        }
    }

    private static void Execute(RegisterMachine machine, ReadOnlySpan<byte> input, Observations observations)
    {
        machine.Start(BinaryPrimitives.ReadUInt32LittleEndian(input[ChoiceOffset..]));
        int steps = Math.Min((input.Length - HeaderSize) / StepSize, MaximumSteps);
        observations.Operations = steps;
        for (int i = 0; i < steps; i++)
        {
            observations.Story?.Begin(i);
            Run(machine, input.Slice(HeaderSize + (i * StepSize), StepSize), observations);
        }

        observations.Story?.Begin("at the end: the identity of the device is read, and after a reset it has to work");
        machine.RequireIdentity();
        machine.RequireItWorks();
    }

    public void Dispose()
    {
        foreach (var machine in machines) machine.Dispose();
    }

    /// <summary>The shape of inputs, for a number of machines and the offsets that are registers in them.</summary>
    public static InputShape Shape(int machines, bool isPci, ulong[] registers, ulong[] second, ulong[] ports) => new()
    {
        HeaderSize = HeaderSize,
        RecordSize = StepSize,
        MaximumRecords = MaximumSteps,
        Header =
        [
            new("machine", 0, 1, FieldKind.Choice, [.. Enumerable.Range(0, machines).Select(machine => (ulong)machine)]),
            new("features", ChoiceOffset, 4, FieldKind.Flags, Choice.Values),
        ],
        Kinds =
        [
            Access("read", 3, registers),
            Access("write", 10, registers),
            Access("second-read", isPci ? 1 : 0, second),
            Access("second-write", isPci ? 2 : 0, second),
            Access("config-read", isPci ? 2 : 0, _configuration),
            Access("config-write", isPci ? 3 : 0, _configuration),
            Access("port-read", ports.Length > 0 ? 3 : 0, ports),
            Access("port-write", ports.Length > 0 ? 8 : 0, ports),
            .. Steps.Kinds(isPci),
        ],
    };

    /// <summary>An access, as inputs have it.</summary>
    public static byte[] Step(int kind, int width, uint offset, ulong value)
    {
        var step = new byte[StepSize];
        step[0] = (byte)kind;
        step[WidthOffset] = (byte)width;
        BinaryPrimitives.WriteUInt32LittleEndian(step.AsSpan(PlaceOffset), offset);
        BinaryPrimitives.WriteUInt64LittleEndian(step.AsSpan(ValueOffset), value);
        return step;
    }

    /// <summary>Accesses to one of the machines.</summary>
    public static byte[] Program(byte machine, params byte[][] steps) => [machine, 0, 0, 0, 0, 0, 0, 0, .. steps.SelectMany(step => step)];

    private static readonly ulong[] _configuration = [.. Enumerable.Range(0, 64).Select(i => (ulong)(4 * i))];

    private static readonly ulong[] _values =
    [
        0, 1, 2, 3, 4, 7, 8, 0xb, 0xf, 0x10, 0x1f, 0x40, 0x80, 0xff, 0xffff, 0xffff_ffff, 0x10_1000, 0x10_1100, 0x10_2000, 0x10_4000, 0x101, 0x1000, 0x8000, 0x8001, ulong.MaxValue,
    ];

    private static RecordKind Access(string name, int weight, ulong[] offsets) => new(name, weight,
        new Field("width", WidthOffset, 1, FieldKind.Choice, 1, 2, 4, 4, 4, 4, 4, 8, 3, 0),
        new Field("offset", PlaceOffset, 4, FieldKind.Number, offsets),
        new Field("value", ValueOffset, 8, FieldKind.Number, _values));

    private static void Run(RegisterMachine machine, ReadOnlySpan<byte> step, Observations observations)
    {
        int kind = step[0] % (Steps.First + Steps.Count);
        int width = step[WidthOffset];
        int offset = (int)BinaryPrimitives.ReadUInt32LittleEndian(step[PlaceOffset..]);
        uint before = machine.Status;
        int phase = (before & StatusBits.NeedsReset) != 0 ? 3 : (before & StatusBits.Suspend) != 0 ? 2 : (before & StatusBits.DriverOk) != 0 ? 1 : 0;
        machine.BeginStep();
        if (kind >= Steps.First)
        {
            Steps.Run(machine, step, kind);
            observations.Visit(RegisterStates + WidthStates + ((kind - Steps.First) * Phases) + phase);
        }
        else
        {
            var space = (Space)(kind / 2);
            if (kind % 2 == 0) observations.Saw(Read(machine, space, offset, width, observations.Story));
            else machine.Write(space, offset, width, BinaryPrimitives.ReadUInt64LittleEndian(step[ValueOffset..]));
            int register = (int)Math.Min((uint)offset / 4, Registers - 1);
            observations.Visit((kind * Registers) + register);
            observations.Visit(RegisterStates + (((kind * Phases) + phase) * Widths) + (width is 1 ? 0 : width is 2 ? 1 : width is 4 ? 2 : 3));
        }

        uint status = machine.Look();
        if ((status & ~DefinedStatus) != 0) throw new BrokenInvariantException("status-has-defined-bits", "", $"the device status is 0x{status:x}");
        observations.Saw(status);
    }

    // What is read twice without anything in between can differ only where reading has an effect, which no width of access makes wider.
    private static ulong Read(RegisterMachine machine, Space space, int offset, int width, Story? story)
    {
        ulong value = machine.Read(space, offset, width);
        story?.Saw($"reads 0x{value:x}");
        if (width is 1 or 2 or 4 && value >> (8 * width) != 0)
            throw new BrokenInvariantException("reads-have-their-width", space.ToString(), $"reading {width} bytes at 0x{offset:x} gives 0x{value:x}");
        return value;
    }
}
