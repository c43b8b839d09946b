using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Viommu.Guest.Hosting.VfioUser;

/// <summary>File descriptors that come along with bytes on a UNIX socket (SCM_RIGHTS), which sockets here do not show by themselves.</summary>
internal static unsafe partial class AncillaryFiles
{
    private const int MostFiles = 32;

    // <sys/socket.h> of Linux.
    private const int SolSocket = 1;
    private const int ScmRights = 1;
    private const int CloseOnExec = 0x4000_0000;
    private const int Interrupted = 4;
    private const int ConnectionReset = 104;

    /// <summary>
    /// Waits for bytes, at most as many as fit <paramref name="into"/>, and takes what came along; <paramref name="received"/> is 0 once the
    /// other end has gone.
    /// </summary>
    public static IReadOnlyList<SafeFileHandle> Receive(Socket socket, Span<byte> into, out int received)
    {
        // A list of files is one header of two machine words, the second of which is two numbers, and the files.
        var control = stackalloc byte[sizeof(ControlHeader) + (MostFiles * sizeof(int))];
        fixed (byte* bytes = into)
        {
            var vector = new IoVector { Base = bytes, Length = (nuint)into.Length };
            while (true)
            {
                var message = new MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = (nuint)(sizeof(ControlHeader) + (MostFiles * sizeof(int))) };
                nint result = ReceiveMessage((int)socket.Handle, &message, CloseOnExec);
                if (result >= 0)
                {
                    received = (int)result;
                    return Files(message);
                }

                int error = Marshal.GetLastPInvokeError();
                if (error == Interrupted) continue;
                received = 0;
                if (error == ConnectionReset) return [];
                throw new Win32Exception(error);
            }
        }
    }

    private static List<SafeFileHandle> Files(in MessageHeader message)
    {
        var files = new List<SafeFileHandle>();
        var header = (ControlHeader*)message.Control;
        if (message.ControlLength < (nuint)sizeof(ControlHeader) || header->Level != SolSocket || header->Type != ScmRights) return files;
        int count = (int)(header->Length - (nuint)sizeof(ControlHeader)) / sizeof(int);
        var numbers = (int*)(header + 1);
        for (int i = 0; i < count; i++) files.Add(new SafeFileHandle(numbers[i], ownsHandle: true));
        return files;
    }

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint ReceiveMessage(int socket, MessageHeader* message, int flags);

    [StructLayout(LayoutKind.Sequential)]
    private struct IoVector
    {
        public void* Base;
        public nuint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct ControlHeader
    {
        public nuint Length;
        public int Level;
        public int Type;
    }
}
