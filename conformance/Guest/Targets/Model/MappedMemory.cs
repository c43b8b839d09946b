using System.IO.MemoryMappedFiles;
using Viommu.Device.Memory;
using Viommu.Guest.Targets.Served;

namespace Viommu.Guest.Targets.Model;

/// <summary>Guest memory of a machine whose guest is in another process, which has the same file mapped.</summary>
internal sealed class MappedMemory : IGuestMemory, IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly ulong _size;

    /// <summary>Maps a file that is there. Throws <see cref="IOException"/> and kin where it is not, or is shorter.</summary>
    public MappedMemory(GuestMemoryFile from)
    {
        var size = from.Size;
        _size = (ulong)size;
        using var file = new FileStream(from.Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        if (file.Length < size) throw new IOException($"it has {file.Length} bytes, not {size}");
        _file = MemoryMappedFile.CreateFromFile(file, null, size, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: false);
        _view = _file.CreateViewAccessor(0, size);
    }

    /// <inheritdoc/>
    public bool TryRead(GuestAddress from, Span<byte> into)
    {
        if (!Exists(from, into.Length)) return false;
        _view.SafeMemoryMappedViewHandle.ReadSpan(from.Value, into);
        return true;
    }

    /// <inheritdoc/>
    public bool TryWrite(GuestAddress to, ReadOnlySpan<byte> bytes)
    {
        if (!Exists(to, bytes.Length)) return false;
        _view.SafeMemoryMappedViewHandle.WriteSpan(to.Value, bytes);
        return true;
    }

    /// <summary>Unmaps the file.</summary>
    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }

    private bool Exists(GuestAddress address, int length) => address.Value < _size && (ulong)length <= _size - address.Value;
}
