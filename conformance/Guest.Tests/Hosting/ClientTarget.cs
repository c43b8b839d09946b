using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;
using Viommu.Guest.Targets;

namespace Viommu.Guest.Tests.Hosting;

/// <summary>A device behind vfio-user as a target: so the suite's own driver is the guest.</summary>
internal sealed class ClientTarget : ITarget
{
    private const uint Configuration = 7;
    private const ulong MemoryFirst = 0x10_0000;
    private const int MemorySize = 4 << 20;

    private readonly VfioUserClient _client;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    public ClientTarget(VfioUserClient client)
    {
        _client = client;
        Memory = VfioUserClient.NewMemory(MemorySize);
        _file = MemoryMappedFile.CreateFromFile(Memory, null, MemorySize, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
        _view = _file.CreateViewAccessor();
        Ram = new ClientRam(_view);
        client.Do(VfioUserClient.DmaMap, MapOf(MemoryFirst, MemorySize, 0, 3), Memory);
    }

    public SafeFileHandle Memory { get; }

    public TargetIdentity Identity { get; } = new("vfio-user", "0");

    public DeviceLocation Iommu { get; } = new DeviceLocation.PciFunction();

    public IGuestRam Ram { get; }

    public AddressWindow BarWindow { get; } = new(0xe000_0000, 0xe0ff_ffff);

    public AddressWindow IoWindow { get; } = new(1, 0);

    public IReadOnlyList<IBusMaster> BusMasters => [];

    public bool CanSystemReset => true;

    public string LastWords => "";

    public static byte[] MapOf(ulong first, ulong size, ulong offset, uint flags) => Bytes(32, flags, offset, first, size);

    public static byte[] Bytes(params object[] fields) => [.. fields.SelectMany(field => field switch
    {
        int number => BitConverter.GetBytes(number),
        uint number => BitConverter.GetBytes(number),
        ulong number => BitConverter.GetBytes(number),
        byte[] bytes => bytes,
        _ => throw new ArgumentException($"{field}"),
    })];

    public uint ConfigRead(PciAddress function, int offset, int width) =>
        function == new PciAddress(0, 3, 0) ? (uint)Read(Configuration, (ulong)offset, width) : uint.MaxValue >> (32 - (8 * width));

    public void ConfigWrite(PciAddress function, int offset, int width, uint value)
    {
        if (function == new PciAddress(0, 3, 0)) Write(Configuration, (ulong)offset, width, value);
    }

    public ulong MmioRead(ulong address, int width)
    {
        var (bar, offset) = Find(address);
        return Read(bar, offset, width);
    }

    public void MmioWrite(ulong address, int width, ulong value)
    {
        var (bar, offset) = Find(address);
        Write(bar, offset, width, value);
    }

    public uint IoRead(ushort port, int width) => uint.MaxValue >> (32 - (8 * width));

    public void IoWrite(ushort port, int width, uint value)
    {
    }

    public void SystemReset() => _client.Do(VfioUserClient.Reset, []);

    public bool Await(Func<bool> condition, TimeSpan patience) => condition();

    public void Settle()
    {
    }

    public void Kill()
    {
    }

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
        Memory.Dispose();
    }

    public ulong Read(uint region, ulong offset, int width)
    {
        var value = new byte[8];
        _client.Do(VfioUserClient.RegionRead, Bytes(offset, region, width))[16..].CopyTo(value, 0);
        return BinaryPrimitives.ReadUInt64LittleEndian(value);
    }

    private void Write(uint region, ulong offset, int width, ulong value) =>
        _client.Do(VfioUserClient.RegionWrite, Bytes(offset, region, width, BitConverter.GetBytes(value)[..width]));

    private (uint Bar, ulong Offset) Find(ulong address)
    {
        for (uint bar = 0; bar < 2; bar++)
        {
            ulong start = Read(Configuration, 0x10 + (4 * bar), 4) & ~0xfUL;
            if (address >= start && address - start < 0x10_0000) return (bar, address - start);
        }

        throw new InvalidOperationException($"0x{address:x} is in no BAR");
    }

    private sealed class ClientRam(MemoryMappedViewAccessor view) : IGuestRam
    {
        public AddressWindow Window { get; } = new(MemoryFirst, MemoryFirst + MemorySize - 1);

        public void Read(ulong address, Span<byte> into) => view.SafeMemoryMappedViewHandle.ReadSpan(address - MemoryFirst, into);

        public void Write(ulong address, ReadOnlySpan<byte> bytes) => view.SafeMemoryMappedViewHandle.WriteSpan(address - MemoryFirst, bytes);
    }
}
