using System.Buffers.Binary;
using Viommu.Fuzz.Devices;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Rings;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Targets;

namespace Viommu.Fuzz.Tests.Devices.Rings;

/// <summary>What a device is accused of whose rings are seen from outside: each rule, on a device that breaks it and nothing else.</summary>
public sealed class RingRunnerTests
{
    private const byte Attach = 1;
    private const byte Map = 3;
    private const byte Probe = 5;
    private const int Readable = RingMachine.ReadableBuffers;
    private const int Writable = RingMachine.WritableBuffers;
    private const int Untouched = 0x2800;

    private static readonly byte[] _attach = Program(RingSeeds.Submit(0, 0, Attach, 4));

    private static readonly byte[] _table = Program(
        RingSeeds.Request(0, Attach),
        RingSeeds.Descriptor(2, 0, RingMachine.At(Readable), 20, 1, 1),
        RingSeeds.Descriptor(2, 1, RingMachine.At(Writable), 4, 2, 0),
        RingSeeds.Descriptor(0, 0, RingMachine.At(RingMachine.IndirectTable), 32, 0x84, 0),
        RingSeeds.Offer(0, 0, 1),
        RingSeeds.Notify(0));

    private static readonly byte[] _mixed = Program(
        RingSeeds.Request(0, Attach),
        RingSeeds.Descriptor(0, 0, RingMachine.At(Readable), 20, 1, 1),
        RingSeeds.Descriptor(0, 1, RingMachine.At(RingMachine.IndirectTable), 16, 4, 0),
        RingSeeds.Descriptor(2, 0, RingMachine.At(Writable), 4, 2, 0),
        RingSeeds.Offer(0, 0, 1),
        RingSeeds.Notify(0));

    // A head that is none.
    private static readonly byte[] _wild = Program(RingSeeds.Offer(0, 15, 1), RingSeeds.Notify(0));

    // A descriptor that asks for what is not negotiated.
    private static readonly byte[] _wildPacked = Program(features: 0, RingSeeds.Descriptor(0, 0, RingMachine.At(Writable), 4, 0x84, 0), RingSeeds.Notify(0));

    public static TheoryData<string> Formats => ["split", "packed"];

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_device_that_keeps_to_the_rules_is_accused_of_nothing_whatever_its_rings_are_like(string format) => AssertInnocent(format, () => new ModelRingDevice(FormatOf(format)));

    /// <summary>SPLIT-USED-D-03; a driver knows no more of these bytes.</summary>
    [Theory]
    [MemberData(nameof(Formats))]
    public void A_device_may_write_to_the_end_of_a_buffer(string format)
    {
        byte[] program = Program(RingSeeds.Submit(0, 0, Attach, 100));
        Assert.Null(Run(new Tampered(FormatOf(format), (device, _) => device.Bytes.Slice(Writable + 4, 96).Fill(9)), program).Finding);
    }

    /// <summary>2.6: a device is not required to use buffers in the order in which they were made available.</summary>
    [Fact]
    public void A_device_may_use_buffers_in_any_order() => AssertInnocent("split", () => new TurnsAround());

    /// <summary>SPLIT-FRAMING-D-02, PACKED-SG-D-02; and of buffers of no bytes nothing is said.</summary>
    [Theory]
    [MemberData(nameof(Formats))]
    public void A_device_may_give_up_over_a_ring_that_is_malformed_and_over_long_chains(string format) => AssertInnocent(format, () => new GivesUp(FormatOf(format)));

    /// <summary>2.1.1: what is on its way when a device asks for a reset may be completed, or not.</summary>
    [Theory]
    [MemberData(nameof(Formats))]
    public void What_a_device_does_within_its_buffers_once_it_has_asked_for_a_reset_is_open(string format)
    {
        var device = new Tampered(FormatOf(format), (device, _) => device.AsksForReset = device.HasGivenUp || device.Count > 1);
        AssertInnocent(format, () => device);
    }

    [Theory]
    [InlineData("split", "SPLIT-DESC-D-01")]
    [InlineData("packed", "PACKED-DESC-D-01")]
    public void A_readable_buffer_that_is_written_to_is_found(string format, string rule) =>
        AssertFound(format, rule, $"{format} writes a device-readable buffer", _attach, (device, _) => device.Bytes[Readable + 3] ^= 1);

    [Fact]
    public void A_descriptor_that_is_written_to_is_found() =>
        AssertFound("split", "SPLIT-DESC-D-04", "split writes a descriptor table", _attach, (device, _) => device.Bytes[RingMachine.Descriptors + 12] ^= 1);

    [Theory]
    [InlineData("split", "SPLIT-DESC-D-04")]
    [InlineData("packed", "DESC-PACKED-15")]
    public void An_indirect_table_that_is_written_to_is_found(string format, string rule) =>
        AssertFound(format, rule, $"{format} writes a descriptor table", format == "split" ? _table : WithoutOffer(_table), (device, _) => device.Bytes[RingMachine.IndirectTable + 8] ^= 1);

    [Theory]
    [InlineData("split", "DESC-SPLIT-09")]
    [InlineData("packed", "DESC-PACKED-15")]
    public void The_drivers_part_of_a_ring_that_is_written_to_is_found(string format, string rule) =>
        AssertFound(format, rule, $"{format} writes the driver's part of a ring", _attach, (device, _) => device.Bytes[RingMachine.DriverArea] ^= 1);

    [Theory]
    [InlineData("split", "DESC-SPLIT-09")]
    [InlineData("packed", "DESC-PACKED-15")]
    public void Memory_beside_all_buffers_that_is_written_to_is_found(string format, string rule) =>
        AssertFound(format, rule, $"{format} writes beside all buffers", _attach, (device, _) => device.Bytes[Untouched] ^= 1);

    /// <summary>What a device makes of a malformed ring is its own affair, and where it writes is not.</summary>
    [Theory]
    [InlineData("split", "DESC-SPLIT-09")]
    [InlineData("packed", "DESC-PACKED-15")]
    public void Memory_that_nothing_names_is_not_written_to_after_a_malformed_ring_either(string format, string rule)
    {
        byte[] wild = format == "split" ? _wild : _wildPacked;
        AssertFound(format, rule, $"{format} writes beside all buffers after a fault", wild, (device, _) => device.Bytes[Untouched] ^= 1);
        // Here a descriptor says that it may, though no chain leads there.
        byte[] named = [.. Program(features: 0, RingSeeds.Descriptor(0, 3, RingMachine.At(Untouched), 16, 2, 0)), .. wild[RingShape.HeaderSize..]];
        Assert.Null(Run(new Tampered(FormatOf(format), (device, _) => device.Bytes[Untouched] ^= 1), named).Finding);
    }

    [Fact]
    public void A_used_element_that_names_another_chain_is_found() =>
        AssertFound("split", "DESC-SPLIT-01", "split uses another", _attach, (device, _) => device.Bytes[device.LatestUsed] ^= 1);

    [Fact]
    public void A_used_descriptor_that_names_another_list_is_found() =>
        AssertFound("packed", "DESC-PACKED-03", "packed uses another", _attach, (device, _) => device.Bytes[device.LatestUsed + 12] ^= 1);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_used_element_that_stands_for_no_chain_is_found(byte queue) =>
        AssertFound("split", "DESC-SPLIT-01", "split uses more than there is", Program(RingSeeds.Notify(queue)), (device, _) => device.Bytes[RingMachine.DeviceArea + 2]++);

    [Theory]
    [InlineData("split", "DESC-SPLIT-02", 4)]
    [InlineData("packed", "DESC-PACKED-05", 8)]
    public void A_used_length_beyond_the_buffer_is_found(string format, string rule, int offset) =>
        AssertFound(format, rule, $"{format} used length", _attach, (device, _) => device.Bytes[device.LatestUsed + offset] = 5);

    [Fact]
    public void A_used_descriptor_that_keeps_silent_about_what_was_written_is_found_where_nothing_else_is()
    {
        static void Silence(Tampered device, int queue) => device.Bytes[device.LatestUsed + 14] &= 0xfd;
        AssertFound("packed", "DESC-PACKED-05", "packed WRITE flag", _attach, Silence);
        // The answer is wrong as well: it counts by the length that would have been told.
        AssertFound("packed", "IOMMU-OPS-D-01", "attach Answer Unnamed", _attach, (device, queue) =>
        {
            Silence(device, queue);
            device.Bytes[Writable] = 0xee;
        });
        // The length of one that says that nothing was written, and is right in that, means nothing.
        Assert.Null(Run(new Tampered(RingFormat.Packed, (device, _) =>
        {
            Silence(device, 0);
            device.Bytes[device.LatestUsed + 8] = 4;
        }), Program(RingSeeds.Submit(0, 0, 0, 4))).Finding);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_wrong_answer_is_found(string format) =>
        AssertFound(format, "IOMMU-MAP-D-04", "map Answer Ok", Program(RingSeeds.Submit(0, 0, Map, 4)), (device, _) => device.Bytes[Writable] = 0);

    /// <summary>Which of them a device takes first nobody can see.</summary>
    [Fact]
    public void Answers_to_several_requests_at_once_are_left_alone()
    {
        byte[] program = Program(RingSeeds.Request(0, Map),
            RingSeeds.Descriptor(0, 0, RingMachine.At(Readable), 20, 1, 1), RingSeeds.Descriptor(0, 1, RingMachine.At(Writable), 4, 2, 0), RingSeeds.Offer(0, 0, 1),
            RingSeeds.Submit(0, 1, Map, 4));
        Assert.Null(Run(new Tampered(RingFormat.Split, (device, _) => device.Bytes[Writable] = 0), program).Finding);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_well_formed_chain_that_is_left_alone_is_found(string format) =>
        AssertFound(format, "IOMMU-OPS-D-01", "attach not used", _attach, (_, _) => { }, serves: false);

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_reset_over_a_well_formed_chain_is_found(string format) =>
        AssertFound(format, "IOMMU-OPS-D-01", "attach Answer NotReturned", _attach, (device, _) => device.AsksForReset = true, serves: false);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_table_behind_direct_descriptors_that_is_not_served_is_found(bool asksForReset) =>
        AssertFound("split", "SPLIT-INDIRECT-D-02", "split", _mixed, (device, _) => device.AsksForReset = asksForReset, serves: false);

    [Fact]
    public void A_table_behind_direct_descriptors_that_is_taken_for_a_buffer_is_found() =>
        AssertFound("split", "SPLIT-INDIRECT-D-02", "split writes an indirect table behind direct descriptors", _mixed, (device, _) => device.Bytes[RingMachine.IndirectTable] ^= 1);

    /// <summary>What is wrong with it may as well be the request.</summary>
    [Fact]
    public void A_request_that_makes_no_sense_says_nothing_of_tables_behind_direct_descriptors()
    {
        byte[] program = (byte[])_mixed.Clone();
        // No room for a tail.
        program[RingShape.HeaderSize + (3 * RingShape.StepSize) + RingShape.Length] = 1;
        Assert.Null(Run(new Tampered(RingFormat.Split, (device, _) => device.AsksForReset = true) { Serves = false }, program).Finding);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_report_of_what_did_not_happen_is_found(string format)
    {
        byte[] program = Program(RingSeeds.Submit(1, 0, 1, 24), RingSeeds.Provoke(0x1000), RingSeeds.Notify(0));
        Assert.Null(Run(new ModelRingDevice(FormatOf(format)), program).Finding);
        AssertFound(format, "IOMMU-FAULT-D-03", "report Report None", Program(RingSeeds.Submit(1, 0, 1, 24)), (device, _) =>
        {
            // It uses the buffer as if it had something to report.
            device.Bytes.Slice(Writable, 24).Clear();
            if (format == "packed")
            {
                device.Bytes[RingMachine.EventAreas + 8] = 24;
                BinaryPrimitives.WriteUInt16LittleEndian(device.Bytes[(RingMachine.EventAreas + 14)..], 0x8082);
                return;
            }

            device.Bytes[RingMachine.EventAreas + RingMachine.DeviceArea + 8] = 24;
            device.Bytes[RingMachine.EventAreas + RingMachine.DeviceArea + 2] = 1;
        });
    }

    [Theory]
    [InlineData("split", "DESC-SPLIT-10|||split IndexOutOfRange ends the process")]
    [InlineData("packed", "DESC-PACKED-16|||packed IndirectNotNegotiated ends the process")]
    public void The_end_of_a_device_over_a_malformed_ring_is_found_and_not_provoked_again(string format, string key)
    {
        byte[] wild = format == "split" ? _wild : _wildPacked;
        var device = new Tampered(FormatOf(format), (_, _) => throw new TargetDiedException("it is gone", "")) { Serves = false };
        using var scout = new DeviceScout(new RingRunner(device, FormatOf(format)), new(new()), minimizes: true);
        var finding = scout.Execute(wild)!;
        Assert.Equal(key, finding.Key.ToString());
        Assert.NotEmpty(finding.Story!.Steps);
        int deaths = device.Deaths;
        Assert.InRange(deaths, 1, 60);
        Assert.Null(scout.Execute(wild));
        Assert.Null(scout.Execute([.. wild, .. wild.AsSpan(RingShape.HeaderSize)]));
        Assert.Equal(deaths, device.Deaths);
    }

    /// <summary>Of two faults that end in the same assertion there is one finding.</summary>
    [Fact]
    public void An_assertion_is_one_finding_whatever_leads_to_it()
    {
        const string Words = "noise\nqemu: ../hw/some.c:12: do_it: Assertion `a || len > 0' failed.\n";
        var device = new Tampered(RingFormat.Split, (_, _) => throw new TargetDiedException("it is gone", Words)) { Serves = false };
        using var scout = new DeviceScout(new RingRunner(device, RingFormat.Split), new(new()), minimizes: false);
        Assert.Equal("DESC-SPLIT-10||do_it: a // len > 0|ends the process", scout.Execute(_wild)?.Key.ToString());
        byte[] other = Program(RingSeeds.Offer(0, 0, 17), RingSeeds.Notify(0));
        Assert.Null(scout.Execute(other));
        int deaths = device.Deaths;
        Assert.Null(scout.Execute(other));
        Assert.Equal(deaths, device.Deaths);
    }

    /// <summary>Where a request is known to fail it, what a malformed ring has to do with it is anybody's guess.</summary>
    [Fact]
    public void An_assertion_that_a_request_fails_is_no_finding_of_a_ring()
    {
        const string Words = "qemu: ../hw/some.c:12: do_it: Assertion `len > 0' failed.\n";
        var device = new Tampered(RingFormat.Split, (_, _) => throw new TargetDiedException("it is gone", Words)) { Serves = false };
        using var scout = new DeviceScout(new RingRunner(device, RingFormat.Split), new(new()), minimizes: false);
        Assert.Equal("IOMMU-OPS-D-01|||attach ends the process", scout.Execute(_attach)?.Key.ToString());
        Assert.Null(scout.Execute(_wild));
        Assert.Equal("IOMMU-MAP-D-04|||map ends the process", scout.Execute(Program(RingSeeds.Submit(0, 0, Map, 4)))?.Key.ToString());
    }

    [Fact]
    public void The_end_of_a_device_over_a_request_has_the_key_that_it_has_in_sequences()
    {
        var device = new Tampered(RingFormat.Split, (_, _) => throw new TargetHungException("it is busy", "")) { Serves = false };
        Assert.Equal("IOMMU-PROBE-D-09|||probe hangs", Run(device, Program(RingSeeds.Submit(0, 1, Probe, 4))).Finding?.Key.ToString());
        // After two at once nobody knows what the device has made of them; of a request that is odd by itself one knows all the same.
        byte[] program = Program(RingSeeds.Request(0, Map),
            RingSeeds.Descriptor(0, 0, RingMachine.At(Readable), 36, 1, 1), RingSeeds.Descriptor(0, 1, RingMachine.At(Writable), 4, 2, 0), RingSeeds.Offer(0, 0, 1),
            RingSeeds.Submit(0, 1, Map, 4), RingSeeds.Submit(0, 2, Probe, 4));
        Assert.Null(Run(new ModelRingDevice(RingFormat.Split), program).Finding);
        Assert.Equal("IOMMU-PROBE-D-09|||probe hangs", Run(new HangsSecond(), program).Finding?.Key.ToString());
    }

    private static void AssertFound(string format, string rule, string state, byte[] program, Action<Tampered, int> tamper, bool serves = true)
    {
        Assert.Null(Run(new ModelRingDevice(FormatOf(format)), program).Finding);
        Assert.Equal($"{rule}|||{state}", Run(new Tampered(FormatOf(format), tamper) { Serves = serves }, program).Finding?.Key.ToString());
    }

    private static void AssertInnocent(string format, Func<ModelRingDevice> newDevice)
    {
        var target = TargetList.Find($"{format}-ring");
        using var runner = new RingRunner(newDevice(), FormatOf(format));
        var observations = new Observations(runner.StateCount);
        var seeds = target.Seeds().Select(seed => seed.Input).ToArray();
        var mutator = new Mutator(target.Shape, new ValueDictionary(target.Values, target.Tokens), new Random64(7));
        for (int i = 0; i < 6_000; i++)
        {
            var input = i < seeds.Length ? seeds[i] : mutator.Mutate(seeds[i % seeds.Length], seeds[(i / seeds.Length) % seeds.Length]);
            observations.Begin();
            var finding = runner.Replay(input, observations, avoided: null).Finding;
            Assert.True(finding is null, $"{finding} by {Convert.ToHexString(input)}");
            Assert.True(i >= seeds.Length || observations.States.Length > 0);
        }
    }

    private static ProgramRun Run(IRingDevice device, byte[] program)
    {
        using var runner = new RingRunner(device, FormatOf(device));
        return runner.Replay(program, new(runner.StateCount), avoided: null);
    }

    private static RingFormat FormatOf(IRingDevice device) => ((ModelRingDevice)device).Format;

    private static RingFormat FormatOf(string name) => name == "split" ? RingFormat.Split : RingFormat.Packed;

    // In a packed ring the flags of the descriptor say it all.
    private static byte[] WithoutOffer(byte[] program) => [.. program[..^(2 * RingShape.StepSize)], .. program[^RingShape.StepSize..]];

    private static byte[] Program(params byte[][] steps) => Program(ulong.MaxValue, steps);

    private static byte[] Program(ulong features, params byte[][] steps) => RingSeeds.Program(features, 3, steps);

    private sealed class HangsSecond() : ModelRingDevice(RingFormat.Split)
    {
        protected override void Serve(int queue)
        {
            if (Notifications > 1) throw new TargetHungException("it is busy", "");
            base.Serve(queue);
        }
    }

    // Returns what it has served in the reverse order.
    private sealed class TurnsAround() : ModelRingDevice(RingFormat.Split)
    {
        protected override void Serve(int queue)
        {
            int used = (queue * RingMachine.EventAreas) + RingMachine.DeviceArea;
            int first = Get16(used + 2);
            base.Serve(queue);
            int count = (ushort)(Get16(used + 2) - first);
            for (int i = 0; i < count / 2; i++)
            {
                var (one, other) = (Element(first + i), Element(first + count - 1 - i));
                ulong kept = BinaryPrimitives.ReadUInt64LittleEndian(Memory[one..]);
                Memory.Slice(other, 8).CopyTo(Memory[one..]);
                BinaryPrimitives.WriteUInt64LittleEndian(Memory[other..], kept);
            }

            int Element(int index) => used + 4 + (8 * ((ushort)index % Place.Size));
        }
    }

    // Takes no more than four descriptors, and no empty ones.
    private sealed class GivesUp(RingFormat format) : ModelRingDevice(format)
    {
        private readonly ShadowedMemory _seen = new(RingMachine.MemorySize);
        private RingModel? _model;

        public override RingPlace Start(ulong wanted, int size, RingLitter litter)
        {
            var place = base.Start(wanted, size, litter);
            _model = Format.NewModel(_seen);
            _model.Begin(place);
            return place;
        }

        protected override void Serve(int queue)
        {
            if (NeedsReset) return;
            if (queue == 0)
            {
                Memory.CopyTo(_seen.Bytes);
                var chain = new RingChain();
                var fault = _model!.Walk(chain);
                for (; fault == RingFault.None && !IsOdd(chain); fault = _model.Walk(chain)) _model.Advance(1, chain.Entries);
                NeedsReset = fault != RingFault.Empty;
            }

            if (!NeedsReset) base.Serve(queue);
        }

        private static bool IsOdd(RingChain chain)
        {
            foreach (var buffer in chain.Buffers)
            {
                if (buffer.Length == 0) return true;
            }

            return chain.Buffers.Length > 4;
        }
    }
}
