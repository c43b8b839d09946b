using System.Runtime.InteropServices;

namespace Viommu.Fuzz.Engine.Coverage;

/// <summary>
/// Zeroed memory below 2^31, where the system has a way to ask for it. An address there fits into an instruction, so that code which has it
/// as a literal is half as long.
/// </summary>
internal static unsafe partial class LowMemory
{
    // PROT_READ | PROT_WRITE, and MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT.
    private const int ReadWrite = 3;
    private const int PrivateAnonymousLow = 0x62;

    /// <summary>The first byte of a new mapping; null where there can be none.</summary>
    public static byte* TryAllocate(int length)
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64) return null;
        nint address = Map(0, (nuint)length, ReadWrite, PrivateAnonymousLow, -1, 0);
        return address == -1 ? null : (byte*)address;
    }

    /// <summary>Gives a mapping back.</summary>
    public static void Free(byte* first, int length) => _ = Unmap((nint)first, (nuint)length);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
}
