using System.Buffers.Binary;
using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Viommu.Guest.Tests.Hosting;

/// <summary>The other end of vfio-user, as a virtual machine monitor has it; sends whatever it is told.</summary>
internal sealed partial class VfioUserClient : IDisposable
{
    public const int Version = 1, DmaMap = 2, DmaUnmap = 3, GetDeviceInfo = 4, GetRegionInfo = 5, GetInterruptInfo = 7, SetInterrupts = 8, RegionRead = 9, RegionWrite = 10, Reset = 13;

    private const int HeaderSize = 16;
    private const int NonBlocking = 0x800;

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private ushort _id = 7;

    public VfioUserClient(string path)
    {
        _socket.ReceiveTimeout = 120_000;
        _socket.Connect(new UnixDomainSocketEndPoint(path));
    }

    /// <summary>Sends a command and waits for its reply, which has to be to it: its error, or 0, and what it holds.</summary>
    public (uint Error, byte[] Payload) Ask(int command, byte[] payload, params SafeFileHandle[] files)
    {
        Post(command, payload, wantsReply: true, files);
        var header = Receive(HeaderSize);
        Assert.Equal(_id, BinaryPrimitives.ReadUInt16LittleEndian(header));
        Assert.Equal(command, BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(2)));
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8));
        uint error = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(12));
        Assert.Equal(error == 0 ? 1u : 0x21u, flags);
        return (error, Receive(BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(4)) - HeaderSize));
    }

    /// <summary>As <see cref="Ask"/>, and the command has to be carried out.</summary>
    public byte[] Do(int command, byte[] payload, params SafeFileHandle[] files)
    {
        var (error, reply) = Ask(command, payload, files);
        Assert.Equal(0u, error);
        return reply;
    }

    /// <summary>Sends a command and waits for nothing.</summary>
    public void Post(int command, byte[] payload, bool wantsReply, params SafeFileHandle[] files)
    {
        var message = new byte[HeaderSize + payload.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(message, ++_id);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(2), (ushort)command);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(4), message.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(8), wantsReply ? 0 : 0x10u);
        payload.CopyTo(message, HeaderSize);
        Send(message, files);
    }

    /// <summary>Sends bytes as they are.</summary>
    public unsafe void Send(byte[] bytes, params SafeFileHandle[] files)
    {
        var control = new byte[16 + (4 * files.Length)];
        BinaryPrimitives.WriteInt64LittleEndian(control, control.Length);
        BinaryPrimitives.WriteInt32LittleEndian(control.AsSpan(8), 1); // SOL_SOCKET
        BinaryPrimitives.WriteInt32LittleEndian(control.AsSpan(12), 1); // SCM_RIGHTS
        for (int i = 0; i < files.Length; i++) BinaryPrimitives.WriteInt32LittleEndian(control.AsSpan(16 + (4 * i)), (int)files[i].DangerousGetHandle());
        fixed (byte* at = bytes, ancillary = control)
        {
            nint* vector = stackalloc nint[] { (nint)at, bytes.Length };
            nint* message = stackalloc nint[] { 0, 0, (nint)vector, 1, files.Length == 0 ? 0 : (nint)ancillary, files.Length == 0 ? 0 : control.Length, 0 };
            if (SendMessage((int)_socket.Handle, message, 0) != bytes.Length) throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>True once the other end has closed the connection.</summary>
    public bool IsClosed() => _socket.Receive(new byte[1]) == 0;

    /// <summary>A file in memory that both ends can map.</summary>
    public static SafeFileHandle NewMemory(long size)
    {
        var file = new SafeFileHandle(CreateMemory("ram", 0), ownsHandle: true);
        RandomAccess.SetLength(file, size);
        return file;
    }

    /// <summary>A counter of interrupts.</summary>
    public static SafeFileHandle NewInterrupt() => new(CreateEvent(0, NonBlocking), ownsHandle: true);

    /// <summary>How often it was raised since it was asked for last.</summary>
    public static unsafe ulong TakeInterrupts(SafeFileHandle file)
    {
        ulong count;
        return Read((int)file.DangerousGetHandle(), &count, sizeof(ulong)) == sizeof(ulong) ? count : 0;
    }

    public void Dispose() => _socket.Dispose();

    private byte[] Receive(int length)
    {
        var bytes = new byte[length];
        for (int have = 0; have < length;)
        {
            int more = _socket.Receive(bytes.AsSpan(have));
            Assert.True(more > 0, "the connection was closed");
            have += more;
        }

        return bytes;
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static unsafe partial nint SendMessage(int socket, nint* message, int flags);

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int CreateMemory(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "eventfd")]
    private static partial int CreateEvent(uint count, int flags);

    [LibraryImport("libc", EntryPoint = "read")]
    private static unsafe partial nint Read(int file, void* into, nuint length);
}
