using System.Globalization;
using Viommu.Guest.Targets;

namespace Viommu.Guest.Tests.Support;

/// <summary>
/// A machine without a device: it writes down every access to a register, answers reads with what a test told it to, and has
/// memory.
/// </summary>
internal sealed class RecordingTarget : ITarget
{
    private readonly Dictionary<(char Space, ulong Address), Func<ulong>> answers = [];
    private readonly FakeRam ram = new();

    /// <summary>Accesses in order: space (m, i, c), direction, width in bytes, address, and for writes the value.</summary>
    public List<string> Log { get; } = [];

    /// <summary>Called after each write to a memory-mapped register.</summary>
    public Action<ulong, ulong>? OnMmioWrite { get; set; }

    public TargetIdentity Identity { get; } = new("recording", "1");

    public DeviceLocation Iommu { get; init; } = new DeviceLocation.MmioSlot(0);

    public IGuestRam Ram => ram;

    public AddressWindow BarWindow { get; } = new(0xe000_0000, 0xe0ff_ffff);

    public AddressWindow IoWindow { get; } = new(0xc000, 0xc0ff);

    public IReadOnlyList<IBusMaster> BusMasters { get; } = [];

    public bool CanSystemReset => false;

    public string LastWords => "";

    /// <summary>What a read of a memory-mapped register gives; zero where nothing is said.</summary>
    public RecordingTarget Mmio(ulong address, ulong value) => Mmio(address, () => value);

    public RecordingTarget Mmio(ulong address, Func<ulong> value) => Answer('m', address, value);

    /// <summary>What a read of an I/O port gives.</summary>
    public RecordingTarget Io(ulong port, ulong value) => Answer('i', port, () => value);

    /// <summary>What a read of configuration space of 00:01.0 gives; all other functions are absent.</summary>
    public RecordingTarget Config(int offset, uint value) => Answer('c', (ulong)offset, () => value);

    /// <summary>The log since the last call, which it empties.</summary>
    public string[] TakeLog()
    {
        string[] taken = [.. Log];
        Log.Clear();
        return taken;
    }

    public uint ConfigRead(PciAddress function, int offset, int width) => function == new PciAddress(0, 1, 0)
        ? (uint)Read('c', (ulong)offset, width)
        : uint.MaxValue >> (32 - 8 * width);

    public void ConfigWrite(PciAddress function, int offset, int width, uint value) => Write('c', (ulong)offset, width, value);

    public ulong MmioRead(ulong address, int width) => Read('m', address, width);

    public void MmioWrite(ulong address, int width, ulong value)
    {
        Write('m', address, width, value);
        OnMmioWrite?.Invoke(address, value);
    }

    public uint IoRead(ushort port, int width) => (uint)Read('i', port, width);

    public void IoWrite(ushort port, int width, uint value) => Write('i', port, width, value);

    public void SystemReset() => throw new NotSupportedException();

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

    private RecordingTarget Answer(char space, ulong address, Func<ulong> value)
    {
        answers[(space, address)] = value;
        return this;
    }

    private ulong Read(char space, ulong address, int width)
    {
        Log.Add(string.Create(CultureInfo.InvariantCulture, $"{space} r{width} {address:x}"));
        return answers.TryGetValue((space, address), out var value) ? value() : 0;
    }

    private void Write(char space, ulong address, int width, ulong value) =>
        Log.Add(string.Create(CultureInfo.InvariantCulture, $"{space} w{width} {address:x} = {value:x}"));
}
