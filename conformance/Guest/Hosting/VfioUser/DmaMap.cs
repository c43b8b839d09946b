using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;
using Viommu.Device.Memory;

namespace Viommu.Guest.Hosting.VfioUser;

/// <summary>
/// Guest memory as a virtual machine monitor shows it to a device: ranges of guest-physical addresses, each a part of a file. They come and
/// go while firmware arranges its memory, so an address is looked up anew at each access. Not safe for use by several threads at a time.
/// </summary>
internal sealed class DmaMap : IGuestMemory, IDisposable
{
    private readonly SortedList<ulong, Range> _ranges = [];

    /// <summary>The last guest-physical address that is there; 0 where none is.</summary>
    public ulong Last => _ranges.Count == 0 ? 0 : _ranges.Values[^1].Last;

    /// <summary>Adds a range; throws <see cref="VfioUserException"/> where it is none, or meets another one.</summary>
    /// <param name="first">Its first guest-physical address.</param>
    /// <param name="size">In bytes.</param>
    /// <param name="file">What it is a part of; not closed here.</param>
    /// <param name="offset">Where in the file it begins.</param>
    /// <param name="isWritable">False where the device may only read it.</param>
    public void Add(ulong first, ulong size, SafeFileHandle file, ulong offset, bool isWritable)
    {
        ulong length = (ulong)RandomAccess.GetLength(file);
        if (size == 0 || size - 1 > ulong.MaxValue - first) throw new VfioUserException($"memory of {size} bytes at 0x{first:x}");
        if (offset > length || size > length - offset) throw new VfioUserException($"memory of {size} bytes at {offset} of a file that has {length}");
        if (_ranges.Values.Any(range => range.First <= first + (size - 1) && first <= range.Last)) throw new VfioUserException($"memory at 0x{first:x}, where there is memory already");
        MemoryMappedFile? mapped = null;
        try
        {
            var access = isWritable ? MemoryMappedFileAccess.ReadWrite : MemoryMappedFileAccess.Read;
            mapped = MemoryMappedFile.CreateFromFile(file, null, (long)length, access, HandleInheritability.None, leaveOpen: true);
            _ranges.Add(first, new(first, first + (size - 1), mapped, mapped.CreateViewAccessor((long)offset, (long)size, access), isWritable));
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException or ArgumentException)
        {
            mapped?.Dispose();
            throw new VfioUserException($"memory at 0x{first:x} that cannot be mapped: {refusal.Message}");
        }
    }

    /// <summary>Takes away the ranges inside of one; throws <see cref="VfioUserException"/> where it cuts one in two.</summary>
    public void Remove(ulong first, ulong size)
    {
        if (size == 0 || size - 1 > ulong.MaxValue - first) throw new VfioUserException($"memory of {size} bytes at 0x{first:x}");
        ulong last = first + (size - 1);
        var touched = _ranges.Values.Where(range => range.First <= last && first <= range.Last).ToList();
        if (touched.Exists(range => range.First < first || range.Last > last)) throw new VfioUserException($"a part of the memory at 0x{first:x} taken away");
        foreach (var range in touched) Remove(range);
    }

    /// <summary>Takes away all ranges.</summary>
    public void Clear()
    {
        foreach (var range in _ranges.Values.ToList()) Remove(range);
    }

    /// <summary>True where all of these bytes are there, and can be written if that is asked for.</summary>
    public bool Holds(ulong address, ulong length, bool forWrite)
    {
        for (ulong left = length; left > 0;)
        {
            if (Find(address) is not { } range || (forWrite && !range.IsWritable)) return false;
            ulong part = Math.Min(left, range.Last - address + 1);
            if (part < left && range.Last == ulong.MaxValue) return false;
            (address, left) = (address + part, left - part);
        }

        return true;
    }

    /// <inheritdoc/>
    public bool TryRead(GuestAddress from, Span<byte> into)
    {
        if (!Holds(from.Value, (ulong)into.Length, forWrite: false)) return false;
        for (ulong at = from.Value; !into.IsEmpty;)
        {
            var range = Find(at)!;
            int part = range.PartOf(at, into.Length);
            range.View.SafeMemoryMappedViewHandle.ReadSpan(range.OffsetOf(at), into[..part]);
            at += (ulong)part;
            into = into[part..];
        }

        return true;
    }

    /// <inheritdoc/>
    public bool TryWrite(GuestAddress to, ReadOnlySpan<byte> bytes)
    {
        if (!Holds(to.Value, (ulong)bytes.Length, forWrite: true)) return false;
        for (ulong at = to.Value; !bytes.IsEmpty;)
        {
            var range = Find(at)!;
            int part = range.PartOf(at, bytes.Length);
            range.View.SafeMemoryMappedViewHandle.WriteSpan(range.OffsetOf(at), bytes[..part]);
            at += (ulong)part;
            bytes = bytes[part..];
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => Clear();

    private Range? Find(ulong address)
    {
        // A machine has a few dozen of them at most.
        foreach (var range in _ranges.Values)
        {
            if (range.First <= address && address <= range.Last) return range;
        }

        return null;
    }

    private void Remove(Range range)
    {
        _ranges.Remove(range.First);
        range.View.Dispose();
        range.File.Dispose();
    }

    private sealed record Range(ulong First, ulong Last, MemoryMappedFile File, MemoryMappedViewAccessor View, bool IsWritable)
    {
        public int PartOf(ulong address, int length) => (int)Math.Min((ulong)length, Last - address + 1);

        // A view begins at a page, and tells how far behind it what was asked for begins.
        public ulong OffsetOf(ulong address) => address - First + (ulong)View.PointerOffset;
    }
}
