using System.Buffers.Binary;
using System.Text;

namespace Viommu.Guest.Hosting.VfioUser;

/// <summary>
/// A PCI function at the device's end of vfio-user: each access that a guest makes to it comes as a message, guest memory as files to map,
/// and interrupts go out through files. What several functions of one machine do is done one after the other: <paramref name="gate"/> is
/// held meanwhile.
/// </summary>
internal sealed class VfioUserServer(BarAccess bars, Action reset, DmaMap memory, MessageVectors vectors, Lock gate)
{
    private const uint PciWithReset = 3;
    private const uint InterruptKinds = 5;
    private const uint MsixKind = 2;
    private const uint EventfdWithoutResize = 9;
    private const uint ReadWrite = 3;
    private const uint WithEventfds = 1 << 2;
    private const uint Trigger = 1 << 5;
    private const int InvalidArgument = 22;
    private const int NotSupported = 95;

    // Offset, region and count.
    private const int AccessHead = 16;

    private static readonly byte[] Capabilities = Encoding.UTF8.GetBytes("""{"capabilities":{"max_msg_fds":8,"max_data_xfer_size":32768}}""" + "\0");

    /// <summary>Answers until the other end has gone.</summary>
    public void Serve(VfioUserConnection connection)
    {
        while (connection.Receive() is { } message)
        {
            using (message)
            {
                try
                {
                    // The guest may see the answer only once everything that it asked for has been done.
                    byte[] reply;
                    lock (gate) reply = Answer(message);
                    connection.Reply(message, reply);
                }
                catch (UnknownCommandException)
                {
                    connection.Refuse(message, NotSupported);
                }
                catch (VfioUserException)
                {
                    connection.Refuse(message, InvalidArgument);
                }
            }
        }
    }

    private byte[] Answer(VfioUserMessage message) => message.Command switch
    {
        VfioUserCommand.Version => Version(message.Payload),
        VfioUserCommand.DmaMap => MapMemory(message),
        VfioUserCommand.DmaUnmap => UnmapMemory(message.Payload),
        VfioUserCommand.GetDeviceInfo => Words(16, PciWithReset, BarAccess.Count, InterruptKinds),
        VfioUserCommand.GetRegionInfo => DescribeRegion(Word(message.Payload, 8)),
        VfioUserCommand.GetInterruptInfo => DescribeInterrupts(Word(message.Payload, 8)),
        VfioUserCommand.SetInterrupts => SetInterrupts(message),
        VfioUserCommand.RegionRead => ReadRegion(message.Payload),
        VfioUserCommand.RegionWrite => WriteRegion(message.Payload),
        VfioUserCommand.DeviceReset => Reset(),
        _ => throw new UnknownCommandException(),
    };

    // Major version 0 is the only one.
    private static byte[] Version(byte[] payload) => Half(payload, 0) == 0 ? [0, 0, 0, 0, .. Capabilities] : throw new UnknownCommandException();

    private byte[] MapMemory(VfioUserMessage message)
    {
        const uint writable = 2;
        var (flags, offset, first, size) = (Word(message.Payload, 4), Long(message.Payload, 8), Long(message.Payload, 16), Long(message.Payload, 24));
        // What comes without a file could be reached by messages to the other end; it is firmware, which no ring is in.
        if (message.File(0) is { } file) memory.Add(first, size, file, offset, (flags & writable) != 0);
        return [];
    }

    private byte[] UnmapMemory(byte[] payload)
    {
        const uint all = 2;
        if ((Word(payload, 4) & all) != 0) memory.Clear();
        else memory.Remove(Long(payload, 8), Long(payload, 16));
        return payload;
    }

    private byte[] DescribeRegion(uint region)
    {
        uint size = bars.SizeOfRegion(region);
        return Words(32, size == 0 ? 0 : ReadWrite, region, 0, size, 0, 0, 0);
    }

    private byte[] DescribeInterrupts(uint kind) => kind == MsixKind ? Words(16, EventfdWithoutResize, kind, bars.VectorCount) : Words(16, 0, kind, 0);

    private byte[] SetInterrupts(VfioUserMessage message)
    {
        var (flags, kind, start, count) = (Word(message.Payload, 4), Word(message.Payload, 8), Word(message.Payload, 12), Word(message.Payload, 16));
        // What is masked is not raised by the function itself, whose configuration space says so.
        if (kind != MsixKind || (flags & Trigger) == 0) return [];
        if (start > bars.VectorCount || count > bars.VectorCount - start) throw new VfioUserException($"vectors {start} and {count} more, of {bars.VectorCount}");
        if ((flags & WithEventfds) == 0 && count == 0) (start, count) = (0, bars.VectorCount);
        for (int i = 0; i < count; i++)
        {
            int vector = (int)start + i;
            vectors.Release(vector);
            if ((flags & WithEventfds) == 0 || message.TakeFile(i) is not { } file) continue;
            vectors.Assign(vector, file);
            bars.WriteMsixEntry(vector, MessageVectors.Entry(vector));
        }

        return [];
    }

    private byte[] ReadRegion(byte[] payload)
    {
        var (offset, region, count) = CheckAccess(payload);
        var reply = new byte[AccessHead + count];
        payload.AsSpan(0, AccessHead).CopyTo(reply);
        bars.Read(region, offset, reply.AsSpan(AccessHead));
        return reply;
    }

    private byte[] WriteRegion(byte[] payload)
    {
        var (offset, region, count) = CheckAccess(payload);
        if (payload.Length - AccessHead < count) throw new VfioUserException($"{payload.Length - AccessHead} bytes of {count} to write");
        bars.Write(region, offset, payload.AsSpan(AccessHead, count));
        return payload[..AccessHead];
    }

    private byte[] Reset()
    {
        reset();
        return [];
    }

    private (ulong Offset, uint Region, int Count) CheckAccess(byte[] payload)
    {
        var (offset, region, count) = (Long(payload, 0), Word(payload, 8), Word(payload, 12));
        uint size = bars.SizeOfRegion(region);
        return offset <= size && count <= size - offset ? (offset, region, (int)count) : throw new VfioUserException($"{count} bytes at {offset} of region {region}, which has {size}");
    }

    private static byte[] Words(params ReadOnlySpan<uint> words)
    {
        var bytes = new byte[words.Length * sizeof(uint)];
        for (int i = 0; i < words.Length; i++) BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * sizeof(uint)), words[i]);
        return bytes;
    }

    private static ushort Half(byte[] payload, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(Field(payload, offset, sizeof(ushort)));

    private static uint Word(byte[] payload, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(Field(payload, offset, sizeof(uint)));

    private static ulong Long(byte[] payload, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(Field(payload, offset, sizeof(ulong)));

    private static ReadOnlySpan<byte> Field(byte[] payload, int offset, int width) =>
        offset + width <= payload.Length ? payload.AsSpan(offset, width) : throw new VfioUserException($"a payload of {payload.Length} bytes, of which {offset + width} were to be read");

    private sealed class UnknownCommandException : Exception;
}
