using System.IO.MemoryMappedFiles;

namespace Viommu.Guest.Targets.Processes;

/// <summary>Guest memory as a file that the target's process maps too: what either side stores the other sees, without a word in between.</summary>
internal sealed class SharedRam : IGuestRam, IDisposable
{
    /// <summary>Size of guest memory in MiB.</summary>
    public const int SizeInMebibytes = 64;

    /// <summary>Name of the file in its directory.</summary>
    public const string FileName = "ram";

    private const long Size = (long)SizeInMebibytes << 20;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    private SharedRam(MemoryMappedFile file)
    {
        _file = file;
        _view = file.CreateViewAccessor(0, Size);
    }

    /// <summary>
    /// Makes the file in a directory of its own: in a memory file system if that has room, as containers often give /dev/shm 64 MiB in
    /// all. Throws <see cref="IOException"/> and kin.
    /// </summary>
    public static SharedRam CreateWhereThereIsRoom(out PrivateDirectory directory)
    {
        const string MemoryFileSystem = "/dev/shm";
        try
        {
            if (Directory.Exists(MemoryFileSystem)) return CreateIn(MemoryFileSystem, out directory);
        }
        catch (Exception full) when (full is IOException or UnauthorizedAccessException)
        {
            return CreateIn(Path.GetTempPath(), out directory);
        }
        return CreateIn(Path.GetTempPath(), out directory);
    }

    /// <inheritdoc/>
    /// <remarks>Below 1 MiB is where a PC has its holes and firmware; 48 MiB is enough for any driver and keeps the end unused.</remarks>
    public AddressWindow Window { get; } = new(0x0010_0000, 0x030f_ffff);

    /// <inheritdoc/>
    public void Read(ulong address, Span<byte> into)
    {
        CheckWithinWindow(address, into.Length);
        _view.SafeMemoryMappedViewHandle.ReadSpan(address, into);
    }

    /// <inheritdoc/>
    public void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        CheckWithinWindow(address, bytes.Length);
        _view.SafeMemoryMappedViewHandle.WriteSpan(address, bytes);
    }

    /// <summary>Unmaps the file; it ends with its last user.</summary>
    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }

    private static SharedRam CreateIn(string parent, out PrivateDirectory directory)
    {
        directory = new PrivateDirectory(parent);
        try
        {
            return Create(directory[FileName]);
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    private static SharedRam Create(string path)
    {
        using var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite,
            // All of it now: a memory file system that runs full later would end both processes by SIGBUS.
            PreallocationSize = Size,
        });
        file.SetLength(Size);
        return new(MemoryMappedFile.CreateFromFile(
            file, null, Size, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: false));
    }

    private void CheckWithinWindow(ulong address, int length)
    {
        // The window's end is far below 2^64, so an address inside it cannot wrap.
        if (address < Window.First || address > Window.Last || address + (ulong)length > Window.Last + 1)
            throw new ArgumentOutOfRangeException(
                nameof(address), $"0x{address:x} and {length} bytes are not all inside 0x{Window.First:x}..0x{Window.Last:x}");
    }
}
