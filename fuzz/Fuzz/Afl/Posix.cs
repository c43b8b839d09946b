using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Viommu.Fuzz.Afl;

/// <summary>The few calls of the system that AFL++'s protocol is made of.</summary>
internal static partial class Posix
{
    private const int GetDescriptorFlags = 1;
    private const int Interrupted = 4;
    private const int AbortSignal = 6;
    private const int PrivateKey = 0;
    private const int RemoveSegment = 0;

    // To be created, and the owner's alone.
    private const int OwnersSegment = 0x200 | 0x180;

    /// <summary>True where the descriptor is open.</summary>
    public static bool IsOpen(int descriptor) => Fcntl(descriptor, GetDescriptorFlags) >= 0;

    /// <summary>Attaches a System V segment; zero where there is none of that number.</summary>
    public static nint Attach(string? id)
    {
        if (!int.TryParse(id, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int number)) return 0;
        nint address = Shmat(number, 0, 0);
        return address == -1 ? 0 : address;
    }

    /// <summary>
    /// Makes and attaches a System V segment that goes with the last process that has it attached, however that ends. Throws
    /// <see cref="Win32Exception"/> where the system has none.
    /// </summary>
    public static nint CreateSegment(int size, out int id)
    {
        id = Shmget(PrivateKey, size, OwnersSegment);
        if (id < 0) throw new Win32Exception(Marshal.GetLastPInvokeError());
        nint address = Shmat(id, 0, 0);
        var failure = new Win32Exception(Marshal.GetLastPInvokeError());
        // Linux lets others attach what is to be removed.
        _ = Shmctl(id, RemoveSegment, 0);
        return address == -1 ? throw failure : address;
    }

    /// <summary>Lets go of a segment.</summary>
    public static void Detach(nint address) => _ = Shmdt(address);

    /// <summary>Reads four bytes; false where the other side is gone.</summary>
    public static unsafe bool TryRead(int descriptor, out uint word)
    {
        uint value = 0;
        bool read = Transfer(descriptor, (byte*)&value, sizeof(uint), isWrite: false);
        word = value;
        return read;
    }

    /// <summary>Writes four bytes; false where the other side is gone.</summary>
    public static unsafe bool TryWrite(int descriptor, uint word) => Transfer(descriptor, (byte*)&word, sizeof(uint), isWrite: true);

    /// <summary>Writes bytes; false where the other side is gone.</summary>
    public static unsafe bool TryWrite(int descriptor, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* first = bytes) return Transfer(descriptor, first, bytes.Length, isWrite: true);
    }

    /// <summary>Reads what there is, up to the length of <paramref name="into"/>; not positive at the end.</summary>
    public static unsafe int ReadSome(int descriptor, Span<byte> into)
    {
        fixed (byte* first = into) return (int)Read(descriptor, first, into.Length);
    }

    /// <summary>Ends this process by SIGABRT, without a word and without a core.</summary>
    public static void Abort()
    {
        Signal(AbortSignal, 0);
        Kill(Environment.ProcessId, AbortSignal);
    }

    private static unsafe bool Transfer(int descriptor, byte* at, int length, bool isWrite)
    {
        while (length > 0)
        {
            nint done = isWrite ? Write(descriptor, at, length) : Read(descriptor, at, length);
            if (done < 0 && Marshal.GetLastPInvokeError() == Interrupted) continue;
            if (done <= 0) return false;
            at += done;
            length -= (int)done;
        }

        return true;
    }

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Fcntl(int descriptor, int command);

    [LibraryImport("libc", EntryPoint = "shmget", SetLastError = true)]
    private static partial int Shmget(int key, nint size, int flags);

    [LibraryImport("libc", EntryPoint = "shmctl", SetLastError = true)]
    private static partial int Shmctl(int id, int command, nint buffer);

    [LibraryImport("libc", EntryPoint = "shmdt", SetLastError = true)]
    private static partial int Shmdt(nint address);

    [LibraryImport("libc", EntryPoint = "shmat", SetLastError = true)]
    private static partial nint Shmat(int id, nint address, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static unsafe partial nint Read(int descriptor, byte* into, nint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static unsafe partial nint Write(int descriptor, byte* from, nint length);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "signal", SetLastError = true)]
    private static partial nint Signal(int signal, nint handler);
}
