using System.Buffers.Binary;

namespace Viommu.Device.Tests.Support;

/// <summary>One element of a list: an address, a length, and WRITE or INDIRECT.</summary>
internal readonly record struct Element(ulong Address, uint Length, ushort Flags = 0);

/// <summary>
/// The driver's side of a packed ring, written down from section 2.8: descriptors at the start of 4 KiB, the driver event suppression
/// structure at 0x400, the device's at 0x600, a request buffer at 0x800, a reply buffer at 0xa00, an indirect table at 0xc00. All but the
/// descriptors can be in another page, where the ring is large.
/// </summary>
internal sealed class PackedRing(Machine machine, int queue, int size, ulong at, ulong? besides = null)
{
    public const ushort Available = 0x0080;
    public const ushort Used = 0x8000;

    private readonly ulong _page = besides ?? at;

    public ulong Descriptors => at;

    public ulong DriverEvent => _page + 0x400;

    public ulong DeviceEvent => _page + 0x600;

    public ulong Request => _page + 0x800;

    public ulong Reply => _page + 0xa00;

    public ulong IndirectTable => _page + 0xc00;

    public int Size => size;

    /// <summary>Where the next descriptor goes.</summary>
    public int Next { get; set; }

    /// <summary>The driver ring wrap counter.</summary>
    public bool Wrap { get; set; } = true;

    /// <summary>next_off and next_wrap of a notification.</summary>
    public ushort Position => (ushort)(Next | (Wrap ? 0x8000 : 0));

    public byte[] DeviceEventBytes => machine.Memory.Read(new(DeviceEvent), 4);

    private ushort AvailableFlags => Wrap ? Available : Used;

    public void SetDriverEvent(ushort flags, int offset = 0, bool wrap = false) =>
        machine.Memory.Write(new(DriverEvent), [.. Bytes.Le16((ushort)(offset | (wrap ? 0x8000 : 0))), .. Bytes.Le16(flags)]);

    /// <summary>Writes a descriptor as it is, flags included, into the ring or a table.</summary>
    public void Describe(int index, ulong address, uint length, ushort id, ushort flags, ulong? table = null) =>
        machine.Memory.Write(
            new((table ?? Descriptors) + (16 * (ulong)index)),
            [.. Bytes.Le64(address), .. Bytes.Le32(length), .. Bytes.Le16(id), .. Bytes.Le16(flags)]);

    /// <summary>Makes a list available without a notification; returns the slot of its first descriptor.</summary>
    public int Offer(ushort id, params Element[] elements)
    {
        int first = Next;
        for (int i = 0; i < elements.Length; i++)
        {
            bool isLast = i == elements.Length - 1;
            var (address, length, flags) = elements[i];
            // The buffer ID is in the last descriptor; another one has what nobody looks at.
            Describe(Next, address, length, isLast ? id : (ushort)0xdead, (ushort)(flags | AvailableFlags | (isLast ? 0 : Ring.Next)));
            Skip();
        }

        return first;
    }

    /// <summary>Makes the request in <see cref="Request"/> available as a list of two, with room for a tail.</summary>
    public int OfferRequest(ushort id, int length) => Offer(id, new(Request, (uint)length), new(Reply, 4, Ring.Writable));

    public void Notify() => machine.Write(Machine.Doorbell + (4 * (ulong)queue), 2, (ulong)queue);

    public void NotifyWith(ushort position) =>
        machine.Write(Machine.Doorbell + (4 * (ulong)queue), 4, (uint)queue | ((uint)position << 16));

    public void Fill(byte[] request)
    {
        machine.Memory.Write(new(Request), request);
        machine.Memory.Write(new(Reply), [.. Enumerable.Repeat(Ring.Poison, 0x200)]);
    }

    /// <summary>Sends a request as two descriptors; returns its status, having found it used with a length of four.</summary>
    public byte Send(byte[] request, ushort id = 0x77)
    {
        Fill(request);
        bool wrap = Wrap;
        int slot = OfferRequest(id, request.Length);
        Notify();
        Assert.Equal((id, 4u, UsedFlags(wrap, Ring.Writable)), UsedAt(slot));
        return ReplyBytes(1)[0];
    }

    /// <summary>The flags of a descriptor used in a round with that wrap counter.</summary>
    public static ushort UsedFlags(bool wrap, ushort write = 0) => (ushort)((wrap ? Available | Used : 0) | write);

    /// <summary>Id, length and flags at a slot.</summary>
    public (ushort Id, uint Length, ushort Flags) UsedAt(int slot)
    {
        var bytes = DescriptorAt(slot);
        return (
            BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(12)),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8)),
            BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(14)));
    }

    public byte[] DescriptorAt(int slot) => machine.Memory.Read(new(Descriptors + (16 * (ulong)slot)), 16);

    public byte[] ReplyBytes(int length) => machine.Memory.Read(new(Reply), length);

    private void Skip()
    {
        if (++Next < size) return;
        Next = 0;
        Wrap = !Wrap;
    }
}
