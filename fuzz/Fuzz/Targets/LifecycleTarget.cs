using System.Buffers.Binary;
using Viommu.Device.Iommu;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Lifecycles;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Targets;

/// <summary>
/// Negotiation, queue reset, suspension, save and restore, hot-plug, configuration changes, resets: in any order. Each program runs twice,
/// once with its saves and restores and once without, and nothing observable may differ.
/// </summary>
/// <remarks>Input: zero (8); then steps: kind (1), zero (3), value (4), second value (8).</remarks>
internal sealed class LifecycleTarget : IFuzzTarget
{
    public static readonly TargetInfo Info = new(
        "lifecycle", "negotiation, queue reset, suspension, save and restore, hot-plug, resets", NewShape(), KindCount * 64 * 4,
        subject => new LifecycleTarget(subject))
    {
        Shows = subject => subject.IsOnRing(ModelRing.Split),
        Constants = [.. SpecConstants.Statuses, .. SpecConstants.FeatureBits],
        Seeds = Seeds,
    };

    private const int HeaderSize = 8;
    private const int StepSize = 16;
    private const int MaximumSteps = 48;
    private const int KindCount = 14;
    private const int ValueOffset = 4;
    private const int WideOffset = 8;

    private const int QueueReset = 0x0c0;

    private readonly LifecycleMachine _machine;
    private ulong _written;
    private ulong _trace;
    private bool _isUnplugged;

    private LifecycleTarget(Subject subject) => _machine = new(subject);

    private enum Kind
    {
        Status, Features, PlaceQueue, ResetQueue, Request, Notify, Dma, Save, SystemReset, Plug, Unplug, ChangeBypass, WriteBypass, ReadyQueue,
    }

    public void Execute(ReadOnlySpan<byte> input, Observations observations)
    {
        Run(input, observations, withSaves: false);
        ulong without = _trace;
        Run(input, observations, withSaves: true);
        if (_trace != without) throw Difference(input, observations, without);
        observations.Saw(_trace);
    }

    public void Dispose()
    {
    }

    // Each run starts with a reset of the machine: where the first one cannot be had again, that has left something.
    private BrokenInvariantException Difference(ReadOnlySpan<byte> input, Observations observations, ulong without)
    {
        Run(input, observations, withSaves: false);
        observations.Story?.Begin("at the end: the ways that the program went are compared");
        return _trace == without
            ? new("a-restored-device-is-the-device-that-was-saved", "", "a program goes another way where its device is saved and restored on the way")
            : new("a-system-reset-leaves-nothing", "", "a program goes another way after a reset of the machine");
    }

    private void Run(ReadOnlySpan<byte> input, Observations observations, bool withSaves)
    {
        _machine.PowerOn();
        _written = 0;
        _trace = 0;
        _isUnplugged = false;
        int steps = Math.Min((input.Length - HeaderSize) / StepSize, MaximumSteps);
        observations.Operations = Math.Max(0, steps);
        observations.Story?.BeginAnew();
        for (int i = 0; i < steps; i++)
        {
            observations.Story?.Begin(i);
            var step = input.Slice(HeaderSize + (i * StepSize), StepSize);
            var kind = (Kind)(step[0] % KindCount);
            if (kind == Kind.Save)
            {
                if (withSaves) _machine.Migrate();
                continue;
            }

            uint before = _machine.Status;
            ushort used = _machine.UsedCount;
            Do(kind, BinaryPrimitives.ReadUInt32LittleEndian(step[ValueOffset..]), BinaryPrimitives.ReadUInt64LittleEndian(step[WideOffset..]));
            Judge(kind, before, used);
            observations.Visit((((int)kind * 64) + (int)(before & 63)) * 4 + ((before & StatusBits.NeedsReset) != 0 ? 2 : 0) + (_isUnplugged ? 1 : 0));
            See(_machine.Status);
            See(_machine.UsedCount);
            See(_machine.Transport.Get(MmioRegister.InterruptStatus));
            See(_machine.Answer(isProbe: false));
        }
    }

    private void Do(Kind kind, uint value, ulong wide)
    {
        switch (kind)
        {
            case Kind.Status:
                _machine.Set(MmioRegister.Status, value & 0xff);
                if ((value & 0xff) == 0) _written = 0;
                break;
            case Kind.Features:
                _machine.Transport.WriteDriverFeatures(wide);
                if ((_machine.Status & StatusBits.FeaturesOk) == 0) _written = wide;
                break;
            case Kind.PlaceQueue: _machine.PlaceQueue(); break;
            case Kind.ResetQueue:
                _machine.Set(MmioRegister.QueueSel, value % 3);
                _machine.Set(QueueReset, 1);
                break;
            case Kind.ReadyQueue:
                _machine.Set(MmioRegister.QueueSel, value % 3);
                _machine.Set(MmioRegister.QueueReady, (uint)(wide & 1));
                break;
            case Kind.Request: _machine.Offer(RequestOf(value)); break;
            case Kind.Notify: _machine.Set(MmioRegister.QueueNotify, value % 3); break;
            case Kind.Dma:
                Span<byte> into = stackalloc byte[8];
                var result = _machine.Dma.Read(TestBed.FirstEndpoint, new(wide), into);
                See((ulong)result.Outcome);
                if (_isUnplugged && result.Outcome != DmaOutcome.UnknownEndpoint) Break("unplugged-endpoints-are-gone", "an access of an unplugged endpoint is translated");
                break;
            case Kind.SystemReset:
                _machine.Transport.SystemReset();
                _written = 0;
                break;
            case Kind.Plug:
                _machine.Plug(TestBed.FirstEndpoint);
                _isUnplugged = false;
                break;
            case Kind.Unplug:
                _machine.Unplug(TestBed.FirstEndpoint);
                _isUnplugged = true;
                break;
            case Kind.ChangeBypass: if ((_machine.Offered & Features.BypassConfig) != 0) _machine.Iommu.ChangeBypass((value & 1) != 0); break;
            case Kind.WriteBypass: _machine.Transport.WriteConfig(IommuConfig.BypassOffset, 1, value & 0xff); break;
        }
    }

    private void Judge(Kind kind, uint before, ushort used)
    {
        uint after = _machine.Status;
        // CORE-FEAT-D-03, and VERSION_1 for a device that is no legacy one.
        if ((before & StatusBits.FeaturesOk) == 0 && (after & StatusBits.FeaturesOk) != 0 && ((_written & ~_machine.Offered) != 0 || (_written & Features.Version1) == 0))
            Break("features-that-were-not-offered-are-refused", $"FEATURES_OK is set although 0x{_written:x} was written");
        if ((after & StatusBits.Suspend) != 0 && (_written & Features.Suspend) == 0) Break("suspension-needs-its-feature", "SUSPEND is set although the feature was not accepted");
        if ((after & StatusBits.DriverOk) != 0 && (after & StatusBits.FeaturesOk) == 0) Break("driver-ok-needs-features-ok", "DRIVER_OK is set without FEATURES_OK");
        if (kind == Kind.SystemReset && after != 0) Break("reset-clears-the-status", $"the status is 0x{after:x} after a system reset");

        // CORE-STATUS-D-01, CORE-SUSPEND-D-03: nothing is used before DRIVER_OK or while suspended; a write of the status can have resumed it.
        bool mayServe = ((before | after) & StatusBits.DriverOk) != 0;
        if (kind is not Kind.PlaceQueue && _machine.UsedCount != used && !mayServe) Break("nothing-is-used-before-driver-ok", $"buffers are used while the status is 0x{after:x}");
        if (_machine.UsedCount == used || !_isUnplugged || kind is not (Kind.Notify or Kind.Status)) return;
        if (_machine.Memory.Bytes[RequestTypeAt] is RequestLayout.Attach or RequestLayout.Detach && _machine.Answer(isProbe: false) == 0)
            Break("unplugged-endpoints-are-gone", "a request for an unplugged endpoint succeeds");
    }

    private const int RequestTypeAt = 0x0800;

    private void See(ulong value) => _trace = (System.Numerics.BitOperations.RotateLeft(_trace, 17) ^ value) * 0x9e37_79b9_7f4a_7c15;

    private static void Break(string rule, string message) => throw new BrokenInvariantException(rule, "", message);

    private static ReadOnlySpan<byte> RequestOf(uint value) => (value % 5) switch
    {
        0 => _attach,
        1 => _map,
        2 => _unmap,
        3 => _detach,
        _ => _probe,
    };

    private static readonly byte[] _attach = Requests.Attach(1, TestBed.FirstEndpoint);
    private static readonly byte[] _map = Requests.Map(1, 0x1000, 0x1fff, TestBed.Ram, Requests.ReadWrite);
    private static readonly byte[] _unmap = Requests.Unmap(1, 0x1000, 0x1fff);
    private static readonly byte[] _detach = Requests.Detach(1, TestBed.FirstEndpoint);
    private static readonly byte[] _probe = Requests.Probe(TestBed.FirstEndpoint);

    private static InputShape NewShape() => new()
    {
        HeaderSize = HeaderSize,
        RecordSize = StepSize,
        MaximumRecords = MaximumSteps,
        Kinds =
        [
            new("status", 6, Value(0, 1, 3, 0xb, 0xf, 0xf, 0x1f, 0x80)),
            new("features", 2, Wide("features", Features.Version1, Features.Version1 | 0x7f, Features.Version1 | Features.Suspend | Features.RingReset | 0x77, Features.Version1 | Features.EventIdx | 0x77, ulong.MaxValue, 0)),
            new("place-queue", 2),
            new("reset-queue", 2, Value(0, 1, 2)),
            new("request", 4, Value(0, 1, 2, 3, 4)),
            new("notify", 4, Value(0, 0, 0, 1, 2)),
            new("dma", 2, Wide("address", 0x1000, 0x2000, 0xfee0_0000)),
            new("save", 4),
            new("system-reset", 1),
            new("plug", 1),
            new("unplug", 1),
            new("change-bypass", 2, Value(0, 1)),
            new("write-bypass", 1, Value(0, 1, 2)),
            new("ready-queue", 1, Value(0, 1), Wide("ready", 0, 1)),
        ],
    };

    private static Field Value(params ulong[] values) => new("value", ValueOffset, 4, FieldKind.Choice, values);

    private static Field Wide(string name, params ulong[] values) => new(name, WideOffset, 8, FieldKind.Flags, values);

    private static IEnumerable<Seed> Seeds()
    {
        ulong all = Features.Version1 | Features.Suspend | Features.RingReset | 0x77;
        byte[][] start = [Step(Kind.Status, 1), Step(Kind.Status, 3), Step(Kind.Features, 0, all), Step(Kind.Status, 0xb), Step(Kind.PlaceQueue), Step(Kind.Status, 0xf)];
        byte[][] map = [Step(Kind.Request, 0), Step(Kind.Notify), Step(Kind.Request, 1), Step(Kind.Notify), Step(Kind.Dma, 0, 0x1000)];
        return
        [
            new("saved-while-mapped", Program([.. start, .. map, Step(Kind.Save), Step(Kind.Dma, 0, 0x1000), Step(Kind.Request, 2), Step(Kind.Notify)])),
            new("suspended-and-saved", Program([.. start, Step(Kind.Status, 0x1f), Step(Kind.Request, 0), Step(Kind.Notify), Step(Kind.ChangeBypass, 1), Step(Kind.Save), Step(Kind.Status, 0x1f), Step(Kind.Dma, 0, 0x1000)])),
            new("unplugged-while-mapped", Program([.. start, .. map, Step(Kind.Unplug), Step(Kind.Dma, 0, 0x1000), Step(Kind.Request, 3), Step(Kind.Notify), Step(Kind.Save), Step(Kind.Plug), .. map])),
            new("queue-reset", Program([.. start, .. map, Step(Kind.ResetQueue), Step(Kind.Notify), Step(Kind.PlaceQueue), .. map])),
            new("refused-features", Program([Step(Kind.Status, 3), Step(Kind.Features, 0, ulong.MaxValue), Step(Kind.Status, 0xb), Step(Kind.Status, 0xf), Step(Kind.SystemReset)])),
        ];
    }

    private static byte[] Program(byte[][] steps) => [.. new byte[HeaderSize], .. steps.SelectMany(step => step)];

    private static byte[] Step(Kind kind, uint value = 0, ulong wide = 0)
    {
        var step = new byte[StepSize];
        step[0] = (byte)kind;
        BinaryPrimitives.WriteUInt32LittleEndian(step.AsSpan(ValueOffset), value);
        BinaryPrimitives.WriteUInt64LittleEndian(step.AsSpan(WideOffset), wide);
        return step;
    }
}
