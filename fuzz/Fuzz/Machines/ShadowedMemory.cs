using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Viommu.Conformance.Oracle;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Fuzz.Engine.Findings;

namespace Viommu.Fuzz.Machines;

/// <summary>What a device may do with a byte of guest memory.</summary>
[Flags]
internal enum Rights : byte
{
    None = 0,
    Read = 1,
    Write = 2,
    Both = Read | Write,
}

/// <summary>
/// Guest memory with a shadow: for each byte, what the device was given it for. An access to anything else that exists is a broken
/// invariant at once, whatever comes of it later; an access to what does not exist is refused, as a bus does.
/// </summary>
internal sealed class ShadowedMemory : IGuestMemory
{
    /// <summary>The guest-physical address of the first byte.</summary>
    public const ulong First = 0x10_0000;

    private readonly byte[] _bytes;
    private readonly byte[] _granting;
    private readonly byte[] _lasting;
    private readonly byte[] _nothing;
    private byte[] _rights;

    private readonly ulong _size;

    // Revoking is for each notification of a ring, so it goes by the blocks of memory in which anything was granted, ever and of late. There
    // are 64 at most, and their length is a power of two.
    private readonly int _blockShift;
    private ulong _granted;
    private ulong _grantedOfLate;
    private bool _isOpen;

    public ShadowedMemory(int size)
    {
        _bytes = new byte[size];
        _rights = _granting = new byte[size];
        _lasting = new byte[size];
        _nothing = new byte[size];
        _size = (ulong)size;
        _blockShift = BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)(size + 63) / 64));
    }

    public int Size => _bytes.Length;

    /// <summary>The bytes, as the guest's own processor reaches them.</summary>
    public Span<byte> Bytes => _bytes;

    /// <summary>Accesses of the device since the last <see cref="Restart"/>: a measure of its work that is the same on every machine.</summary>
    public int Accesses { get; private set; }

    /// <summary>The most accesses that one input may cause.</summary>
    public int MaximumAccesses { get; init; } = 1 << 16;

    public void Restart() => Accesses = 0;

    /// <summary>Says what the device may do with <paramref name="length"/> bytes at <paramref name="offset"/>, from now on.</summary>
    public void Grant(int offset, int length, Rights rights)
    {
        NoteGrant(offset, length);
        _rights.AsSpan(offset, length).Fill((byte)rights);
    }

    /// <summary>
    /// Grants what was not granted yet; false, and nothing granted, where bytes that can be written would be shared with any other use, so that
    /// the order of accesses matters.
    /// </summary>
    public bool TryShare(int offset, int length, Rights rights)
    {
        var bytes = _rights.AsSpan(offset, length);
        bool isFree = rights == Rights.Read ? bytes.IndexOfAnyExcept((byte)Rights.None, (byte)Rights.Read) < 0 : bytes.IndexOfAnyExcept((byte)Rights.None) < 0;
        if (!isFree) return false;
        NoteGrant(offset, length);
        bytes.Fill((byte)rights);
        return true;
    }

    /// <summary>
    /// As <see cref="TryShare"/>, where it does not matter in which order bytes are written that are granted for that twice.
    /// </summary>
    public bool TryExtend(int offset, int length, Rights rights)
    {
        var bytes = _rights.AsSpan(offset, length);
        if (bytes.IndexOfAnyExcept((byte)Rights.None, (byte)rights) >= 0) return false;
        NoteGrant(offset, length);
        bytes.Fill((byte)rights);
        return true;
    }

    /// <summary>What the device may do with a byte now.</summary>
    public Rights RightsAt(int offset) => (Rights)_rights[offset];

    /// <summary>The device may do as it likes with all of it, until something is revoked.</summary>
    public void GrantAll() => _isOpen = true;

    /// <summary>Takes all rights away.</summary>
    public void RevokeAll()
    {
        _isOpen = false;
        for (; _granted != 0; _granted &= _granted - 1)
        {
            Block(_rights, _granted).Clear();
            Block(_lasting, _granted).Clear();
        }

        _grantedOfLate = 0;
    }

    /// <summary>What is granted now stays so in <see cref="RevokeLatest"/>.</summary>
    public void KeepGrants()
    {
        for (ulong left = _granted; left != 0; left &= left - 1) Block(_rights, left).CopyTo(Block(_lasting, left));
        _grantedOfLate = 0;
    }

    /// <summary>Takes away the rights that were given since <see cref="KeepGrants"/>.</summary>
    public void RevokeLatest()
    {
        _isOpen = false;
        for (; _grantedOfLate != 0; _grantedOfLate &= _grantedOfLate - 1) Block(_lasting, _grantedOfLate).CopyTo(Block(_rights, _grantedOfLate));
    }

    /// <summary>Whatever was granted, the device has no rights to anything until <see cref="Restore"/>; nothing is to be granted meanwhile.</summary>
    public void Withhold() => _rights = _nothing;

    /// <summary>The device has again what was granted.</summary>
    public void Restore() => _rights = _granting;

    /// <inheritdoc/>
    public bool TryRead(GuestAddress from, Span<byte> into)
    {
        if (!TryLocate(from, into.Length, out int offset)) return false;
        if (!_isOpen && !Allows(offset, into.Length, Rights.Read)) Refuse("read", from, into.Length);
        Located(_bytes, offset, into.Length).CopyTo(into);
        return true;
    }

    /// <inheritdoc/>
    public bool TryWrite(GuestAddress to, ReadOnlySpan<byte> bytes)
    {
        if (!TryLocate(to, bytes.Length, out int offset)) return false;
        if (!_isOpen && !Allows(offset, bytes.Length, Rights.Write)) Refuse("wrote", to, bytes.Length);
        bytes.CopyTo(Located(_bytes, offset, bytes.Length));
        return true;
    }

    /// <summary>Everything that is not as it was may have been written.</summary>
    public void RequireWritten(ReadOnlySpan<byte> before)
    {
        if (FindTrespass(before) is >= 0 and var at) Refuse("wrote", new GuestAddress(First + (uint)at), 1);
    }

    /// <summary>The first byte that is not as it was and was not granted for that; negative where there is none.</summary>
    public int FindTrespass(ReadOnlySpan<byte> before)
    {
        for (int at = 0; !_isOpen; at++)
        {
            at += before[at..].CommonPrefixLength(_bytes.AsSpan(at));
            if (at == _bytes.Length) break;
            if ((_rights[at] & (byte)Rights.Write) == 0) return at;
        }

        return -1;
    }

    private void NoteGrant(int offset, int length)
    {
        if (length == 0) return;
        int first = offset >> _blockShift;
        int last = (offset + length - 1) >> _blockShift;
        ulong blocks = ulong.MaxValue << first & ulong.MaxValue >> (63 - last);
        _granted |= blocks;
        _grantedOfLate |= blocks;
    }

    // The one of the lowest bit.
    private Span<byte> Block(byte[] rights, ulong which)
    {
        int first = BitOperations.TrailingZeroCount(which) << _blockShift;
        return rights.AsSpan(first, Math.Min(1 << _blockShift, rights.Length - first));
    }

    private bool TryLocate(GuestAddress address, int length, out int offset)
    {
        if (++Accesses > MaximumAccesses) RefuseMore();
        ulong distance = unchecked(address.Value - First);
        offset = (int)distance;
        return distance <= _size && (ulong)length <= _size - distance;
    }

    // What was found to be there is not looked for again.
    private static Span<byte> Located(byte[] bytes, int offset, int length) =>
        MemoryMarshal.CreateSpan(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(bytes), offset), length);

    // Most accesses are of 2, 4, 8 or 16 bytes, and all come through here: where the length is known to the compiler, so is the way.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Allows(int offset, int length, Rights right)
    {
        ref byte first = ref MemoryMarshal.GetReference(Located(_rights, offset, length));
        ulong wanted = (byte)right * 0x0101_0101_0101_0101UL;
        return length switch
        {
            2 => (Unsafe.ReadUnaligned<ushort>(ref first) & (ushort)wanted) == (ushort)wanted,
            4 => (Unsafe.ReadUnaligned<uint>(ref first) & (uint)wanted) == (uint)wanted,
            8 => (Unsafe.ReadUnaligned<ulong>(ref first) & wanted) == wanted,
            16 => (Unsafe.ReadUnaligned<ulong>(ref first) & Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref first, 8)) & wanted) == wanted,
            _ => AllowsEach(ref first, length, wanted),
        };
    }

    private static bool AllowsEach(ref byte first, int length, ulong wanted)
    {
        for (; length >= sizeof(ulong); length -= sizeof(ulong))
        {
            if ((Unsafe.ReadUnaligned<ulong>(ref first) & wanted) != wanted) return false;
            first = ref Unsafe.Add(ref first, sizeof(ulong));
        }

        for (; length > 0; length--)
        {
            if ((first & (byte)wanted) == 0) return false;
            first = ref Unsafe.Add(ref first, 1);
        }

        return true;
    }

    // What throws is apart from what is inlined into every access.
    private void RefuseMore() => throw new BrokenInvariantException("bounded-work", "", $"the device accessed memory more than {MaximumAccesses} times");

    private static void Refuse(string did, GuestAddress at, int length) =>
        throw new BrokenInvariantException("memory-stays-within-buffers", did, $"the device {did} {length} bytes at {at}, not all of which it was given for that");
}

/// <summary>The same memory as endpoints' accesses reach it after translation; remembers where each byte went.</summary>
internal sealed class DmaMemory(ShadowedMemory memory) : IGuestMemory
{
    // Only what is free for it: an endpoint that overwrites the rings would make the driver look broken.
    private const ulong RamFirst = ShadowedMemory.First + RequestMachine.RamOffset;
    private const int MostTraced = 4096;

    private readonly ulong[] _reached = new ulong[MostTraced];
    private bool _expected;
    private int _count;

    /// <summary>An endpoint is about to make an access.</summary>
    public void Begin(Span<ulong> landed)
    {
        landed.Fill(SpecOracle.Nowhere);
        _expected = true;
        _count = 0;
    }

    /// <summary>
    /// The access is over: says where its bytes went. What a doorbell has taken is nowhere in memory, and then it cannot be told which bytes
    /// the others were; of what goes beyond memory nobody sees where it goes.
    /// </summary>
    public void End(Span<ulong> landed, in DmaResult result)
    {
        _expected = false;
        if (result.Transferred != (ulong)_count || _count > landed.Length)
        {
            landed.Fill(SpecOracle.Unseen);
            return;
        }

        _reached.AsSpan(0, _count).CopyTo(landed);
        if (result.Outcome == DmaOutcome.NoMemory) landed[_count..].Fill(SpecOracle.Unseen);
    }

    /// <inheritdoc/>
    public bool TryRead(GuestAddress from, Span<byte> into)
    {
        if (!TryReach(from, into.Length, out int offset)) return false;
        memory.Bytes.Slice(offset, into.Length).CopyTo(into);
        return true;
    }

    /// <inheritdoc/>
    public bool TryWrite(GuestAddress to, ReadOnlySpan<byte> bytes)
    {
        if (!TryReach(to, bytes.Length, out int offset)) return false;
        bytes.CopyTo(memory.Bytes[offset..]);
        return true;
    }

    private bool TryReach(GuestAddress address, int length, out int offset)
    {
        if (!_expected) throw new BrokenInvariantException("memory-stays-within-buffers", "no access", $"the device reached {address} although no endpoint made an access");
        ulong distance = unchecked(address.Value - RamFirst);
        bool exists = distance <= RequestMachine.RamSize && (ulong)length <= RequestMachine.RamSize - distance;
        offset = exists ? (int)distance + RequestMachine.RamOffset : 0;
        if (!exists) return false;
        for (int i = 0; i < length && _count < _reached.Length; i++) _reached[_count++] = address.Value + (ulong)i;
        return true;
    }

}
