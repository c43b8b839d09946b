using System.Buffers.Binary;

namespace Viommu.Device.Tests.Support;

/// <summary>Requests as a driver would lay them out, written down from the spec's listings and sharing nothing with the device.</summary>
internal static class Bytes
{
    public const byte Ok = 0;
    public const byte Unsupp = 2;
    public const byte Inval = 4;
    public const byte Range = 5;
    public const byte NoEnt = 6;
    public const byte NoMem = 8;

    public static byte[] Attach(uint domain, uint endpoint, uint flags = 0, uint reserved = 0) =>
        [1, 0, 0, 0, .. Le32(domain), .. Le32(endpoint), .. Le32(flags), .. Le32(reserved)];

    public static byte[] Detach(uint domain, uint endpoint) => [2, 0, 0, 0, .. Le32(domain), .. Le32(endpoint), .. new byte[8]];

    public static byte[] Map(uint domain, ulong virtStart, ulong virtEnd, ulong physStart, uint flags = 3) =>
        [3, 0, 0, 0, .. Le32(domain), .. Le64(virtStart), .. Le64(virtEnd), .. Le64(physStart), .. Le32(flags)];

    public static byte[] Unmap(uint domain, ulong virtStart, ulong virtEnd, uint reserved = 0) =>
        [4, 0, 0, 0, .. Le32(domain), .. Le64(virtStart), .. Le64(virtEnd), .. Le32(reserved)];

    public static byte[] Probe(uint endpoint) => [5, 0, 0, 0, .. Le32(endpoint), .. new byte[64]];

    public static byte[] Le16(ushort value)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
        return bytes;
    }

    public static byte[] Le32(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }

    public static byte[] Le64(ulong value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes;
    }
}
