using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;

namespace Viommu.Fuzz.Machines;

/// <summary>The machine around a device in shadowed memory, as a guest sees it: what register interceptors are put around.</summary>
internal sealed class ShadowedTarget(ModelSlot slot, ShadowedMemory memory) : ITarget
{
    public TargetIdentity Identity { get; } = new("fuzz", "");

    public DeviceLocation Iommu => slot.Location;

    public IGuestRam Ram { get; } = new ShadowedRam(memory);

    public AddressWindow BarWindow { get; } = new(0xe000_0000, 0xe7ff_ffff);

    public AddressWindow IoWindow { get; } = new(0xc000, 0xcfff);

    public IReadOnlyList<IBusMaster> BusMasters => [];

    public bool CanSystemReset => true;

    public string LastWords => "";

    public bool? InterruptLine => slot.InterruptLine;

    /// <summary>How the machine's operator changes bypass; false where the device has none.</summary>
    public Func<bool, bool> ChangeBypass { get; init; } = _ => false;

    public bool TryChangeBypass(bool bypass) => ChangeBypass(bypass);

    public uint ConfigRead(PciAddress function, int offset, int width) => slot.TryConfigRead(function, offset, width, out uint value) ? value : uint.MaxValue >> (32 - (8 * width));

    public void ConfigWrite(PciAddress function, int offset, int width, uint value) => slot.ConfigWrite(function, offset, width, value);

    // Zeroes where nothing is: a status of all ones would look like the device's own.
    public ulong MmioRead(ulong address, int width) => slot.TryMmioRead(address, width, out ulong value) ? value : 0;

    public void MmioWrite(ulong address, int width, ulong value) => slot.MmioWrite(address, width, value);

    public uint IoRead(ushort port, int width) => slot.TryIoRead(port, width, out uint value) ? value : 0;

    public void IoWrite(ushort port, int width, uint value) => slot.IoWrite(port, width, value);

    public void SystemReset() => slot.SystemReset();

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

    // Interceptors follow rings that can lead anywhere: what is not there reads as zero, and takes no write, as on a bus.
    private sealed class ShadowedRam(ShadowedMemory memory) : IGuestRam
    {
        public AddressWindow Window { get; } = new(ShadowedMemory.First, ShadowedMemory.First + (ulong)memory.Size - 1);

        public void Read(ulong address, Span<byte> into)
        {
            into.Clear();
            Existing(address, into.Length).CopyTo(into);
        }

        public void Write(ulong address, ReadOnlySpan<byte> bytes)
        {
            var there = Existing(address, bytes.Length);
            bytes[..there.Length].CopyTo(there);
        }

        private Span<byte> Existing(ulong address, int length)
        {
            ulong offset = unchecked(address - ShadowedMemory.First);
            return offset >= (ulong)memory.Size ? default : memory.Bytes.Slice((int)offset, Math.Min(length, memory.Size - (int)offset));
        }
    }
}
