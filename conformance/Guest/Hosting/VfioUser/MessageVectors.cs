using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Viommu.Device.Memory;

namespace Viommu.Guest.Hosting.VfioUser;

/// <summary>
/// The MSI-X messages of a function, on their way to a guest whose interrupt controller is elsewhere: the guest's own table never gets here,
/// since the virtual machine monitor keeps it, and instead gives a file to write to for each vector. So the function's table is filled in
/// with addresses that no memory has, and what the function writes there goes to the files.
/// </summary>
internal sealed partial class MessageVectors(IGuestMemory memory) : IGuestMemory, IDisposable
{
    // Beyond the physical addresses of any processor.
    private const ulong FirstAddress = 0xffff_ffff_fff0_0000;
    private const int AddressesApart = 4;
    private const int EntrySize = 16;

    private readonly Dictionary<int, SafeFileHandle> _files = [];

    /// <summary>The address and data of a vector, and 0 for "not masked": an entry of the MSI-X table.</summary>
    public static byte[] Entry(int vector)
    {
        var entry = new byte[EntrySize];
        BinaryPrimitives.WriteUInt64LittleEndian(entry, FirstAddress + (ulong)(vector * AddressesApart));
        return entry;
    }

    /// <summary>From now on <paramref name="vector"/> is raised by writing to <paramref name="file"/>; takes the file over.</summary>
    public void Assign(int vector, SafeFileHandle file)
    {
        Release(vector);
        _files.Add(vector, file);
    }

    /// <summary>From now on <paramref name="vector"/> interrupts nobody.</summary>
    public void Release(int vector)
    {
        if (_files.Remove(vector, out var file)) file.Dispose();
    }

    /// <inheritdoc/>
    public bool TryRead(GuestAddress from, Span<byte> into) => memory.TryRead(from, into);

    /// <inheritdoc/>
    public bool TryWrite(GuestAddress to, ReadOnlySpan<byte> bytes)
    {
        if (to.Value < FirstAddress) return memory.TryWrite(to, bytes);
        if (_files.TryGetValue((int)(to.Value - FirstAddress) / AddressesApart, out var file)) Raise(file);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (int vector in _files.Keys.ToList()) Release(vector);
    }

    // An eventfd counts: eight bytes are added to it.
    private unsafe void Raise(SafeFileHandle file)
    {
        ulong one = 1;
        _ = Write((int)file.DangerousGetHandle(), &one, sizeof(ulong));
    }

    [LibraryImport("libc", EntryPoint = "write")]
    private static unsafe partial nint Write(int file, void* bytes, nuint length);
}
