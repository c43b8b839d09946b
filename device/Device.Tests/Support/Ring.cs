using System.Buffers.Binary;

namespace Viommu.Device.Tests.Support;

/// <summary>
/// The driver's side of a split ring, written down from section 2.7: descriptors at the start of 4 KiB, the available ring at 0x400, the
/// used ring at 0x600, a request buffer at 0x800, a reply buffer at 0xa00, an indirect table at 0xc00.
/// </summary>
internal sealed class Ring(IMachine machine, int queue, int size, ulong at)
{
    public const ushort Next = 1;
    public const ushort Writable = 2;
    public const ushort Indirect = 4;
    public const byte Poison = 0xcc;

    private ushort _available;

    public ulong Descriptors => at;

    public ulong Available { get; init; } = at + 0x400;

    public ulong Used { get; init; } = at + 0x600;

    public ulong Request => at + 0x800;

    public ulong Reply => at + 0xa00;

    public ulong IndirectTable => at + 0xc00;

    public ushort UsedIndex => U16(Used + 2);

    public ushort AvailableIndex
    {
        get => _available;
        set
        {
            _available = value;
            machine.Memory.Write(new(Available + 2), Bytes.Le16(value));
        }
    }

    public ushort AvailableFlags
    {
        set => machine.Memory.Write(new(Available), Bytes.Le16(value));
    }

    public ushort UsedEvent
    {
        set => machine.Memory.Write(new(Available + 4 + (2 * (ulong)size)), Bytes.Le16(value));
    }

    public ushort AvailEvent => U16(Used + 4 + (8 * (ulong)size));

    public void Describe(int index, ulong address, uint length, ushort flags = 0, ushort next = 0, ulong? table = null) =>
        machine.Memory.Write(
            new((table ?? Descriptors) + (16 * (ulong)index)),
            [.. Bytes.Le64(address), .. Bytes.Le32(length), .. Bytes.Le16(flags), .. Bytes.Le16(next)]);

    /// <summary>Makes a chain available without a notification.</summary>
    public void Offer(ushort head)
    {
        machine.Memory.Write(new(Available + 4 + (2 * (ulong)(_available % size))), Bytes.Le16(head));
        AvailableIndex++;
    }

    public void Notify() => machine.Notify(queue);

    public void OfferAndNotify(ushort head = 0)
    {
        Offer(head);
        Notify();
    }

    /// <summary>Puts a request into the buffer at <see cref="Request"/> and poison at <see cref="Reply"/>.</summary>
    public void Fill(byte[] request)
    {
        machine.Memory.Write(new(Request), request);
        machine.Memory.Write(new(Reply), [.. Enumerable.Repeat(Poison, 0x200)]);
    }

    /// <summary>Sends a request as two descriptors; returns its status, having found it used with a length of four.</summary>
    public byte Send(byte[] request)
    {
        Fill(request);
        Describe(0, Request, (uint)request.Length, Next, 1);
        Describe(1, Reply, 4, Writable);
        ushort before = UsedIndex;
        OfferAndNotify();
        Assert.Equal((ushort)(before + 1), UsedIndex);
        Assert.Equal((0u, 4u), UsedElement(before));
        return ReplyBytes(1)[0];
    }

    /// <summary>Id and length of the element that was written at <paramref name="index"/>.</summary>
    public (uint Id, uint Length) UsedElement(ushort index)
    {
        var element = machine.Memory.Read(new(Used + 4 + (8 * (ulong)(index % size))), 8);
        return (BinaryPrimitives.ReadUInt32LittleEndian(element), BinaryPrimitives.ReadUInt32LittleEndian(element.AsSpan(4)));
    }

    public byte[] ReplyBytes(int length) => machine.Memory.Read(new(Reply), length);

    private ushort U16(ulong address) => BinaryPrimitives.ReadUInt16LittleEndian(machine.Memory.Read(new(address), 2));
}
