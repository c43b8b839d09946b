using System.Buffers.Binary;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Transport.Mmio;
using Viommu.Device.Wire;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;

namespace Viommu.Fuzz.Hostile;

/// <summary>
/// A machine whose virtio-iommu lies: what its registers read, what it writes to memory and whether it does anything at all is decided by a
/// list of misdeeds, of which each access of the driver takes the next. Once they are used up it is the reference device.
/// </summary>
internal sealed class HostileMachine : ITarget
{
    public const int StepSize = 16;
    public const int KindCount = 6;
    public const int RepeatOffset = 1;
    public const int PlaceOffset = 4;
    public const int ValueOffset = 8;

    private const ulong Address = 0x0a00_0000;
    private const int MemorySize = 0x4_0000;

    private readonly FlatGuestMemory _memory = new(ShadowedMemory.First, MemorySize);
    private readonly byte[] _zero = new byte[MemorySize];
    private readonly VirtioMmioDevice _device;
    private readonly byte[] _misdeeds = new byte[64 * StepSize];
    private int _length;
    private int _next;
    private int _repeats;

    public HostileMachine(ModelVariation variation)
    {
        Ram = new HostileRam(_memory);
        var parts = variation.Assemble(new IommuDevice(variation.Options(TestBed.Options), _memory), _memory);
        _device = new(parts.Device, variation.RingMemory(_memory), new VirtioMmioOptions { Features = VirtioFeatures.Default | VirtioFeatures.RingPacked });
    }

    /// <summary>What the device does to an access of the driver.</summary>
    public enum Misdeed : byte
    {
        /// <summary>Nothing.</summary>
        Obey = 0,

        /// <summary>Reads as another value.</summary>
        Lie = 1,

        /// <summary>Reads with bits changed.</summary>
        Flip = 2,

        /// <summary>Does not get the write.</summary>
        Ignore = 3,

        /// <summary>Writes to guest memory afterwards.</summary>
        Scribble = 4,

        /// <summary>Changes a few bytes of guest memory afterwards by adding to them.</summary>
        Add = 5,
    }

    public TargetIdentity Identity { get; } = new("hostile", "1");

    public DeviceLocation Iommu { get; } = new DeviceLocation.MmioSlot(Address);

    public IGuestRam Ram { get; }

    public AddressWindow BarWindow { get; } = new(0xe000_0000, 0xe0ff_ffff);

    public AddressWindow IoWindow { get; } = new(1, 0);

    public IReadOnlyList<IBusMaster> BusMasters => [];

    public bool CanSystemReset => true;

    public string LastWords => "";

    /// <summary>Accesses of the driver since the machine was started.</summary>
    public int Accesses { get; private set; }

    /// <summary>The machine is as after power-on, with these misdeeds ahead.</summary>
    public void Start(ReadOnlySpan<byte> misdeeds)
    {
        _memory.TryWrite(new(ShadowedMemory.First), _zero);
        _device.SystemReset();
        _length = Math.Min(misdeeds.Length, _misdeeds.Length) / StepSize * StepSize;
        misdeeds[.._length].CopyTo(_misdeeds);
        (_next, _repeats, Accesses) = (0, 0, 0);
    }

    public uint ConfigRead(PciAddress function, int offset, int width) => uint.MaxValue >> (32 - (8 * width));

    public void ConfigWrite(PciAddress function, int offset, int width, uint value)
    {
    }

    public ulong MmioRead(ulong address, int width)
    {
        ulong all = ulong.MaxValue >> (64 - (8 * width));
        if (address is < Address or >= Address + VirtioMmioDevice.Length) return all;
        ulong value = _device.Read((int)(address - Address), width);
        var step = Take();
        if (step.IsEmpty) return value;
        ulong operand = BinaryPrimitives.ReadUInt64LittleEndian(step[ValueOffset..]);
        switch ((Misdeed)(step[0] % KindCount))
        {
            case Misdeed.Lie: return operand & all;
            case Misdeed.Flip: return (value ^ operand) & all;
            default:
                Tamper(step);
                return value;
        }
    }

    public void MmioWrite(ulong address, int width, ulong value)
    {
        if (address is < Address or >= Address + VirtioMmioDevice.Length) return;
        var step = Take();
        if (step.IsEmpty || (Misdeed)(step[0] % KindCount) != Misdeed.Ignore) _device.Write((int)(address - Address), width, value);
        if (!step.IsEmpty) Tamper(step);
    }

    public uint IoRead(ushort port, int width) => uint.MaxValue >> (32 - (8 * width));

    public void IoWrite(ushort port, int width, uint value)
    {
    }

    public void SystemReset() => _device.SystemReset();

    public bool Await(Func<bool> condition, TimeSpan patience) => condition();

    public void Settle()
    {
    }

    public void Kill()
    {
    }

    public void Dispose()
    {
    }

    private ReadOnlySpan<byte> Take()
    {
        Accesses++;
        if (_next >= _length) return default;
        var step = _misdeeds.AsSpan(_next, StepSize);
        if (_repeats == 0) _repeats = 1 + step[RepeatOffset];
        if (--_repeats == 0) _next += StepSize;
        return step;
    }

    private void Tamper(ReadOnlySpan<byte> step)
    {
        var kind = (Misdeed)(step[0] % KindCount);
        if (kind is not (Misdeed.Scribble or Misdeed.Add)) return;
        var at = new GuestAddress(ShadowedMemory.First + (BinaryPrimitives.ReadUInt32LittleEndian(step[PlaceOffset..]) % (MemorySize - 8)));
        Span<byte> bytes = stackalloc byte[8];
        int width = 1 << (step[2] % 4);
        _memory.TryRead(at, bytes[..width]);
        if (kind == Misdeed.Scribble) step.Slice(ValueOffset, width).CopyTo(bytes);
        else bytes[0] += step[ValueOffset];
        _memory.TryWrite(at, bytes[..width]);
    }

    private sealed class HostileRam(FlatGuestMemory memory) : IGuestRam
    {
        public AddressWindow Window { get; } = new(ShadowedMemory.First, ShadowedMemory.First + MemorySize - 1);

        public void Read(ulong address, Span<byte> into)
        {
            if (!memory.TryRead(new(address), into)) Refuse("read", address, into.Length);
        }

        public void Write(ulong address, ReadOnlySpan<byte> bytes)
        {
            if (!memory.TryWrite(new(address), bytes)) Refuse("wrote", address, bytes.Length);
        }

        private static void Refuse(string did, ulong address, int length) =>
            throw new BrokenInvariantException("memory-stays-within-buffers", did, $"the driver {did} {length} bytes at 0x{address:x}, which are not guest memory");
    }
}
