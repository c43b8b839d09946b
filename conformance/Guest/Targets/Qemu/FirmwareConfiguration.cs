using System.Buffers.Binary;
using System.Text;

namespace Viommu.Guest.Targets.Qemu;

/// <summary>
/// QEMU's firmware configuration device (docs/specs/fw_cfg), from which firmware takes the ACPI tables that it hands to the guest. Files
/// are brought into guest memory by the device's own DMA, since their bytes come one at a time otherwise.
/// </summary>
internal sealed class FirmwareConfiguration(QemuTarget target)
{
    private const ushort DmaAddressHigh = 0x514;
    private const ushort DmaAddressLow = 0x518;
    private const ushort Directory = 0x19;

    private const uint DmaError = 1;
    private const uint DmaRead = 2;
    private const uint DmaSelect = 8;

    private const int DirectoryEntrySize = 64;
    private const int MostFiles = 128;
    private const int LongestFile = 1 << 20;

    private const int LoaderEntrySize = 128;
    private const uint AddChecksum = 3;
    private const string Tables = "etc/acpi/tables";

    /// <summary>
    /// The ACPI table of that signature as firmware would install it, checksum included; null where the machine has none. The loader
    /// script names every table by the checksum that it wants computed.
    /// </summary>
    public byte[]? FindTable(ReadOnlySpan<byte> signature)
    {
        var directory = ReadDirectory();
        if (!directory.TryGetValue(Tables, out var tables) || !directory.TryGetValue("etc/table-loader", out var loader)) return null;
        var bytes = Read(tables.Key, tables.Length);
        var script = Read(loader.Key, loader.Length);
        for (var at = 0; at + LoaderEntrySize <= script.Length; at += LoaderEntrySize)
        {
            var entry = script.AsSpan(at, LoaderEntrySize);
            if (BinaryPrimitives.ReadUInt32LittleEndian(entry) != AddChecksum || NameIn(entry.Slice(4, 56)) != Tables) continue;
            var start = BinaryPrimitives.ReadUInt32LittleEndian(entry[64..]);
            var length = BinaryPrimitives.ReadUInt32LittleEndian(entry[68..]);
            if (start > bytes.Length || length > bytes.Length - start) throw Broken($"a table at {start} with {length} bytes");
            var table = bytes.AsSpan((int)start, (int)length);
            if (!table.StartsWith(signature)) continue;
            var offset = (int)(BinaryPrimitives.ReadUInt32LittleEndian(entry[60..]) - start);
            if (offset < 0 || offset >= table.Length) throw Broken($"a checksum at {offset} of a table");
            byte sum = 0;
            foreach (var value in table) sum += value;
            table[offset] -= sum;
            return table.ToArray();
        }
        return null;
    }

    private Dictionary<string, (ushort Key, int Length)> ReadDirectory()
    {
        var count = BinaryPrimitives.ReadUInt32BigEndian(Read(Directory, 4));
        if (count > MostFiles) throw Broken($"{count} files");
        var entries = Read(Directory, 4 + (int)count * DirectoryEntrySize).AsSpan(4);
        var files = new Dictionary<string, (ushort, int)>();
        for (; !entries.IsEmpty; entries = entries[DirectoryEntrySize..])
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(entries);
            if (length <= LongestFile) files[NameIn(entries.Slice(8, 56))] = (BinaryPrimitives.ReadUInt16BigEndian(entries[4..]), (int)length);
        }
        return files;
    }

    private byte[] Read(ushort key, int length)
    {
        // The end of guest memory: no driver's heap has got there when tables are read.
        var descriptor = (target.Ram.Window.Last & ~0xfffUL) - LongestFile - 0x1000;
        var buffer = descriptor + 0x1000;
        Span<byte> access = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32BigEndian(access, ((uint)key << 16) | DmaSelect | DmaRead);
        BinaryPrimitives.WriteUInt32BigEndian(access[4..], (uint)length);
        BinaryPrimitives.WriteUInt64BigEndian(access[8..], buffer);
        target.Ram.Write(descriptor, access);
        target.IoWrite(DmaAddressHigh, 4, BinaryPrimitives.ReverseEndianness((uint)(descriptor >> 32)));
        target.IoWrite(DmaAddressLow, 4, BinaryPrimitives.ReverseEndianness((uint)descriptor));
        Span<byte> control = stackalloc byte[4];
        target.Ram.Read(descriptor, control);
        if ((BinaryPrimitives.ReadUInt32BigEndian(control) & ~DmaError) != 0 || (control[3] & DmaError) != 0) throw Broken($"no DMA of {length} bytes");
        var bytes = new byte[length];
        target.Ram.Read(buffer, bytes);
        return bytes;
    }

    private static string NameIn(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        return Encoding.ASCII.GetString(end < 0 ? field : field[..end]);
    }

    private static GuestSetupException Broken(string what) => new($"QEMU's firmware configuration device has {what}");
}
