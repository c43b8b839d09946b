using System.Buffers.Binary;
using Viommu.Device.Transport;

namespace Viommu.Guest.Hosting;

/// <summary>
/// A virtio block device (5.2) with a disk in memory: an endpoint whose driver every guest has, and whose every byte goes through the
/// virtio-iommu. It offers what makes its requests bounded, and no more.
/// </summary>
internal sealed class BlockDevice(byte[] disk) : IVirtioDevice
{
    /// <summary>The unit of the disk, in bytes.</summary>
    public const int SectorSize = 512;

    private const ulong SizeMax = 1 << 1;
    private const ulong SegMax = 1 << 2;
    private const int LargestSegment = 1 << 16;
    private const int MostSegments = 32;

    private const int HeadSize = 16;
    private const uint In = 0;
    private const uint Out = 1;
    private const uint GetId = 8;
    private const int IdSize = 20;
    private const byte Ok = 0;
    private const byte IoError = 1;
    private const byte Unsupported = 2;

    /// <inheritdoc/>
    public ushort DeviceId => 2;

    /// <inheritdoc/>
    public ulong DeviceTypeFeatures => SizeMax | SegMax;

    /// <inheritdoc/>
    public IReadOnlyList<ushort> MaximumQueueSizes { get; } = [64];

    /// <inheritdoc/>
    public int ConfigLength => 16;

    /// <inheritdoc/>
    public int LongestRequest => HeadSize + (MostSegments * LargestSegment);

    /// <inheritdoc/>
    public int LongestReply => (MostSegments * LargestSegment) + 1;

    /// <inheritdoc/>
    public void Connect(IVirtioHost host)
    {
        // It never speaks first.
    }

    /// <inheritdoc/>
    public void ReadConfig(int offset, Span<byte> into)
    {
        Span<byte> config = stackalloc byte[ConfigLength];
        BinaryPrimitives.WriteUInt64LittleEndian(config, (ulong)(disk.Length / SectorSize));
        BinaryPrimitives.WriteUInt32LittleEndian(config[8..], LargestSegment);
        BinaryPrimitives.WriteUInt32LittleEndian(config[12..], MostSegments);
        config.Slice(offset, into.Length).CopyTo(into);
    }

    /// <inheritdoc/>
    public void WriteConfig(int offset, ReadOnlySpan<byte> bytes)
    {
        // Every field is read-only.
    }

    /// <inheritdoc/>
    public void FeaturesNegotiated(ulong features)
    {
        // Requests are the same with any of them.
    }

    /// <inheritdoc/>
    public int Process(int queue, ReadOnlySpan<byte> readable, Span<byte> reply)
    {
        if (reply.IsEmpty) return 0;
        reply[^1] = readable.Length < HeadSize ? IoError : Do(readable, reply[..^1]);
        return reply.Length;
    }

    /// <inheritdoc/>
    public bool IsRequestQueue(int queue) => true;

    /// <inheritdoc/>
    public void Reset()
    {
        // What is on the disk stays there.
    }

    /// <inheritdoc/>
    public void SystemReset()
    {
        // Likewise.
    }

    private byte Do(ReadOnlySpan<byte> request, Span<byte> data)
    {
        uint type = BinaryPrimitives.ReadUInt32LittleEndian(request);
        ulong sector = BinaryPrimitives.ReadUInt64LittleEndian(request[8..]);
        var sent = request[HeadSize..];
        switch (type)
        {
            case In when IsOnDisk(sector, data.Length):
                disk.AsSpan((int)sector * SectorSize, data.Length).CopyTo(data);
                return Ok;
            case Out when IsOnDisk(sector, sent.Length):
                sent.CopyTo(disk.AsSpan((int)sector * SectorSize));
                return Ok;
            case GetId when data.Length >= IdSize:
                "viommu"u8.CopyTo(data);
                return Ok;
            default:
                return type is In or Out ? IoError : Unsupported;
        }
    }

    private bool IsOnDisk(ulong sector, int length) => sector <= (ulong)(disk.Length / SectorSize) && (ulong)length <= (ulong)disk.Length - (sector * SectorSize);
}
