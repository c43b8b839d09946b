using System.IO.MemoryMappedFiles;
using Viommu.Device.Memory;

namespace Viommu.Guest.Targets.Served;

/// <summary>Guest memory of a device in this process that is a file, from guest-physical address 0 on: the guest has it mapped elsewhere.</summary>
internal sealed class MappedMemory : IGuestMemory, IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly ulong _size;

    /// <summary>Maps a file that is there. Throws <see cref="IOException"/> and kin where it is not, or is shorter.</summary>
    public MappedMemory(string path, long size)
    {
        _size = (ulong)size;
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        if (file.Length < size) throw new IOException($"{path} has {file.Length} bytes, not {size}");
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
