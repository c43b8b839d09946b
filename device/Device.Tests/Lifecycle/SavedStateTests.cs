using FsCheck;
using FsCheck.Fluent;
using Viommu.Device.Iommu;
using Viommu.Device.Lifecycle;
using Viommu.Device.Tests.Support;
using Viommu.Device.Transport;
using Viommu.Device.Transport.Mmio;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Lifecycle;

/// <summary>The format of a saved state, and what is no state.</summary>
public class SavedStateTests
{
    // Offsets in the state of a device on MMIO, added up from the tables of the format's description.
    private const int Mmio = 12;
    private const int MmioRegisters = Mmio + 8 + 8 + 8;
    private const int Core = MmioRegisters + 16 + 4 + 8;
    private const int CoreFields = Core + 8 + 8 + 16;
    private const int Queue = CoreFields + 1 + 2 + 16 + 1 + 2 + 1;
    private const int Positions = Queue + 2 + 2 + 24;
    private const int Iomm = Positions + 6 + 34;
    private const int IommFields = Iomm + 8 + 56;
    private const int Ranges = IommFields + 8 + 1;
    private const int Domains = Ranges + 4 + 12;

    private readonly MmioMachine _machine = new();

    public SavedStateTests()
    {
        var ring = _machine.Start().Requests;
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(7, Machine.Endpoint)));
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Map(7, 0x8000, 0x8fff, 0x9000)));
    }

    [Fact]
    public void The_device_type_is_saved_as_the_description_says()
    {
        var state = _machine.Mmio.Save();
        Assert.Equal("VIOS"u8.ToArray(), state[..4]);
        Assert.Equal([1, 0, 0, 0], state[4..8]);
        Assert.Equal(Bytes.Le32((uint)state.Length), state[8..12]);
        Assert.Equal("MMIO"u8.ToArray(), state[Mmio..(Mmio + 4)]);
        Assert.Equal("CORE"u8.ToArray(), state[Core..(Core + 4)]);
        Assert.Equal("IOMM"u8.ToArray(), state[Iomm..(Iomm + 4)]);
        // Two requests were seen, taken and used.
        Assert.Equal([2, 0, 2, 0, 2, 0], state[Positions..(Positions + 6)]);
        Assert.Equal(
            [
                1, .. Bytes.Le32(1), .. Bytes.Le32(Machine.Endpoint), .. Bytes.Le32(Machine.Endpoint), .. Bytes.Le32(0),
                .. Bytes.Le32(1), .. Bytes.Le32(7), 0, .. Bytes.Le32(1), .. Bytes.Le32(Machine.Endpoint),
                .. Bytes.Le32(1), .. Bytes.Le64(0x8000), .. Bytes.Le64(0x8fff), .. Bytes.Le64(0x9000), 3,
            ],
            state[(IommFields + 8)..^4]);
        Assert.Equal(Bytes.Le32(SavedBytes.Crc32C(state[..^4])), state[^4..]);
    }

    public static TheoryData<StateFault, int, int, byte[]> Spoilt => new()
    {
        { StateFault.Magic, 0, 0, [0x57] },
        { StateFault.Version, 4, 4, [2] },
        { StateFault.Version, 4, 6, [1] },
        { StateFault.Length, 8, 8, [0] },
        { StateFault.Length, 8, 11, [0x80] },
        { StateFault.Section, Mmio, Mmio, [0] },
        { StateFault.Section, Core, Core, [0] },
        { StateFault.SectionLength, Mmio + 4, Mmio + 4, [0xff, 0xff] },
        { StateFault.SectionLength, Mmio + 4, Mmio + 7, [0x80] },
        { StateFault.SectionLength, Core - 4, Mmio + 4, [40] },
        { StateFault.SectionLength, Core, Mmio + 4, [44 + 8] },
        { StateFault.OtherDevice, Mmio + 8, Mmio + 8, [22] },
        { StateFault.OtherDevice, Mmio + 16, Mmio + 16, [1] },
        { StateFault.Value, MmioRegisters, MmioRegisters, [4] },
        { StateFault.Value, MmioRegisters + 16, MmioRegisters + 16, [1] },
        { StateFault.Value, MmioRegisters + 20, MmioRegisters + 20, [0, 0] },
        { StateFault.OtherDevice, Core + 8, Core + 8, [0] },
        { StateFault.OtherDevice, Core + 24, Core + 24, [7] },
        { StateFault.Value, CoreFields, CoreFields, [0x20] },
        { StateFault.Value, CoreFields + 1, CoreFields + 1, [2] },
        { StateFault.Value, CoreFields + 11, CoreFields + 18, [0x80] },
        { StateFault.Value, Queue - 1, Queue - 1, [0xff] },
        { StateFault.Value, Queue, Queue, [0] },
        { StateFault.Value, Queue, Queue, [12] },
        { StateFault.Value, Queue, Queue, [32] },
        { StateFault.Unreachable, Positions, Positions, [19] },
        { StateFault.Unreachable, Positions, Positions + 4, [3] },
        { StateFault.OtherDevice, Iomm + 8 + 8, Iomm + 8 + 8, [1] },
        { StateFault.Value, IommFields, IommFields, [8] },
        { StateFault.Value, IommFields + 8, IommFields + 8, [2] },
        { StateFault.SectionLength, Ranges, Ranges, [0xff, 0xff, 0xff, 0xff] },
        { StateFault.Value, Ranges, Ranges + 4, [9] },
        { StateFault.SectionLength, Ranges + 12, Ranges + 12, [0xff] },
        { StateFault.SectionLength, Domains, Domains, [0xff] },
        { StateFault.Unreachable, Domains + 4 + 4 + 1 + 4, Domains + 4 + 4 + 1 + 4, [9] },
        { StateFault.Unreachable, Domains + 4 + 4 + 1 + 8 + 4, Domains + 4 + 4, [1] },
        { StateFault.Unreachable, Domains + 4 + 4 + 1 + 8 + 4, Domains + 4 + 4 + 1 + 8 + 4, [1] },
        { StateFault.Unreachable, Domains + 4 + 4 + 1 + 8 + 4, Domains + 4 + 4 + 1 + 8 + 4 + 24, [8] },
    };

    [Theory]
    [MemberData(nameof(Spoilt))]
    public void A_fault_is_named_with_its_place_and_leaves_the_device_as_it_was(StateFault fault, int at, int offset, byte[] bytes)
    {
        var state = _machine.Mmio.Save();
        var before = state.ToArray();
        bytes.CopyTo(state, offset);
        SavedBytes.Seal(state);
        Assert.False(_machine.Mmio.TryRestore(state, out var error));
        Assert.Equal(new(fault, at), error);
        Assert.Equal(before, _machine.Mmio.Save());
    }

    [Theory]
    [InlineData(0, 0, StateFault.None)]
    [InlineData(5, 3, StateFault.None)]
    [InlineData(16, 0, StateFault.None)]
    [InlineData(0, 16, StateFault.None)]
    [InlineData(2, 30, StateFault.None)]
    [InlineData(31, 31, StateFault.None)]
    [InlineData(17, 0, StateFault.Unreachable)]
    [InlineData(0, 15, StateFault.Unreachable)]
    [InlineData(32, 31, StateFault.Value)]
    [InlineData(31, 32, StateFault.Value)]
    public void Positions_of_a_packed_ring_of_16_count_over_two_rounds_and_are_no_further_apart_than_its_size(int available, int used, StateFault fault)
    {
        var machine = new MmioMachine(new() { Features = VirtioFeatures.Default | VirtioFeatures.RingPacked });
        machine.Start();
        var state = machine.Mmio.Save();
        Assert.Equal([0, 0, 0, 0], state[Positions..(Positions + 4)]);
        byte[] positions = [.. Bytes.Le16((ushort)available), .. Bytes.Le16((ushort)used)];
        positions.CopyTo(state, Positions);
        SavedBytes.Seal(state);
        Assert.Equal(fault == StateFault.None, machine.Mmio.TryRestore(state, out var error));
        if (fault != StateFault.None) Assert.Equal(new(fault, Positions), error);
        Assert.Equal(fault == StateFault.None ? positions : [0, 0, 0, 0], machine.Mmio.Save()[Positions..(Positions + 4)]);
    }

    [Fact]
    public void A_state_that_is_cut_or_damaged_or_followed_by_something_is_refused()
    {
        var state = _machine.Mmio.Save();
        Assert.False(_machine.Mmio.TryRestore(state.AsSpan(0, 15), out var error));
        Assert.Equal(new(StateFault.TooShort, 15), error);
        Assert.False(_machine.Mmio.TryRestore(state.AsSpan(0, state.Length - 1), out error));
        Assert.Equal(new(StateFault.Length, 8), error);
        byte[] longer = [.. state, 0, 0, 0, 0];
        Bytes.Le32((uint)longer.Length).CopyTo(longer, 8);
        SavedBytes.Seal(longer);
        Assert.False(_machine.Mmio.TryRestore(longer, out error));
        Assert.Equal(new(StateFault.SectionLength, state.Length - 4), error);
        state[^1]++;
        Assert.False(_machine.Mmio.TryRestore(state, out error));
        Assert.Equal(new(StateFault.Checksum, state.Length - 4), error);
    }

    [Fact]
    public void Whatever_the_bytes_are_a_device_that_works_or_a_fault_comes_back()
    {
        foreach (string kind in new[] { "pci", "pci, packed", "pci, transitional", "mmio" })
        {
            var valid = SavedMachine.Make(kind).Save();
            var change = Gen.Choose(12, valid.Length - 5).Zip(Gen.Elements(0, 1, 2, 7, 0x7f, 0x80, 0xff));
            Prop.ForAll(change.ListOf().ToArbitrary(), changes =>
            {
                var state = valid.ToArray();
                foreach (var (at, value) in changes) state[at] = (byte)value;
                SavedBytes.Seal(state);
                var machine = SavedMachine.Make(kind);
                bool isState = machine.TryRestore(state, out var error);
                Assert.Equal(isState, error.Fault == StateFault.None);
                // An interrupt, and perhaps a fault report, in whatever state that is.
                machine.Inner.Device.ChangeBypass(!machine.Inner.Device.Bypass);
                machine.Inner.Device.Write(Machine.Endpoint, new(ulong.MaxValue), [0]);
                machine.SystemReset();
                Assert.Equal(Bytes.Ok, new RandomDriver(machine, kind.Contains("packed", StringComparison.Ordinal)).FirstAnswer(Bytes.Attach(1, Machine.Endpoint)));
            }).QuickCheckThrowOnFailure();
        }
    }

    [Fact]
    public void A_system_reset_after_a_restore_makes_the_device_new()
    {
        var other = new MmioMachine();
        var fresh = other.Mmio.Save();
        Assert.True(other.Mmio.TryRestore(_machine.Mmio.Save(), out _));
        Assert.Equal(Bytes.Inval, Send(other, Bytes.Map(7, 0x8000, 0x8fff, 0x9000)));
        other.Mmio.SystemReset();
        Assert.Equal(fresh, other.Mmio.Save());
        Assert.Equal(Bytes.Ok, other.Start().Requests.Send(Bytes.Attach(7, Machine.Endpoint)));
    }

    [Fact]
    public void A_device_with_other_options_does_not_take_it_over()
    {
        var state = new Machine().Function.Save();
        Assert.False(new Machine(options => options with { ProbeSize = 1024 }).Function.TryRestore(state, out var error));
        Assert.Equal(StateFault.OtherDevice, error.Fault);
        Assert.False(new Machine(pci: new() { MsixVectors = 4 }).Function.TryRestore(state, out error));
        Assert.Equal(StateFault.OtherDevice, error.Fault);
        Assert.False(_machine.Mmio.TryRestore(state, out error));
        Assert.Equal(new(StateFault.Section, Mmio), error);
    }

    [Fact]
    public void A_vector_that_the_function_does_not_have_is_refused()
    {
        var state = new Machine().Function.Save();
        const int configVector = 12 + 8 + 8 + 256 + 8 + 4 + 4 + 2;
        Assert.Equal([0xff, 0xff], state[configVector..(configVector + 2)]);
        Bytes.Le16(3).CopyTo(state, configVector);
        SavedBytes.Seal(state);
        Assert.False(new Machine().Function.TryRestore(state, out var error));
        Assert.Equal(new(StateFault.Value, configVector), error);
    }

    [Fact]
    public void A_message_that_is_held_back_is_sent_by_the_restored_function()
    {
        var machine = new Machine();
        machine.Negotiate();
        machine.EnableMsix();
        machine.SetMsixControl(0xc000);
        var ring = machine.SetUpQueue(0, 16, 0x1000);
        machine.Status = 0xf;
        ring.Send(Bytes.Attach(1, Machine.Endpoint));

        var restored = new Machine();
        Assert.True(restored.Function.TryRestore(machine.Function.Save(), out _));
        Assert.Equal(0u, restored.TakeMessage());
        restored.SetMsixControl(0x8000);
        Assert.Equal(0xa1u, restored.TakeMessage());
    }

    [Fact]
    public void A_legacy_queue_is_placed_with_the_page_size_and_alignment_that_were_set_before()
    {
        var original = new LegacyMmioMachine().Registers;
        original[0x028] = 8192;
        original[0x03c] = 16384;
        var restored = new LegacyMmioMachine().Registers;
        Assert.True(restored.Mmio.TryRestore(original.Mmio.Save(), out _));
        original[0x040] = restored[0x040] = 1;
        Assert.Equal(1u, restored[0x040]);
        Assert.Equal(original.Mmio.Save(), restored.Mmio.Save());
    }

    [Fact]
    public void A_device_type_without_a_state_is_refused()
    {
        var device = new VirtioMmioDevice(new Stateless(new IommuDevice(new(), _machine.Memory)), _machine.Memory, new());
        Assert.Throws<NotSupportedException>(device.Save);
    }

    // Over a ring that was set up before the restore: the driver's index is the one in memory.
    private byte Send(MmioMachine other, byte[] request)
    {
        other.Memory.Write(new(0), _machine.Memory.Read(new(0), 0x20000));
        return new Ring(other, 0, 16, 0x1000) { AvailableIndex = 2 }.Send(request);
    }

    private sealed class Stateless(IVirtioDevice inner) : IVirtioDevice
    {
        public ushort DeviceId => inner.DeviceId;

        public ulong DeviceTypeFeatures => inner.DeviceTypeFeatures;

        public IReadOnlyList<ushort> MaximumQueueSizes => inner.MaximumQueueSizes;

        public int ConfigLength => inner.ConfigLength;

        public int LongestRequest => inner.LongestRequest;

        public int LongestReply => inner.LongestReply;

        public void Connect(IVirtioHost host) => inner.Connect(host);

        public void ReadConfig(int offset, Span<byte> into) => inner.ReadConfig(offset, into);

        public void WriteConfig(int offset, ReadOnlySpan<byte> bytes) => inner.WriteConfig(offset, bytes);

        public void FeaturesNegotiated(ulong features) => inner.FeaturesNegotiated(features);

        public int Process(int queue, ReadOnlySpan<byte> readable, Span<byte> reply) => inner.Process(queue, readable, reply);

        public bool IsRequestQueue(int queue) => inner.IsRequestQueue(queue);

        public void Reset() => inner.Reset();

        public void SystemReset() => inner.SystemReset();
    }
}
