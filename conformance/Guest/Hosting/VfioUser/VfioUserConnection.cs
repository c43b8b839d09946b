using System.Buffers.Binary;
using System.Net.Sockets;

namespace Viommu.Guest.Hosting.VfioUser;

/// <summary>The device's end of a vfio-user connection.</summary>
internal sealed class VfioUserConnection(Socket socket) : IDisposable
{
    private const int HeaderSize = 16;

    // Accesses are to registers, and a list of interrupts is short.
    private const int LongestMessage = 1 << 16;

    private const uint TypeMask = 0xf;
    private const uint ReplyType = 1;
    private const uint NoReply = 1 << 4;
    private const uint Error = 1 << 5;

    /// <summary>
    /// Waits for the next command; null once the other end has gone, or <see cref="HangUp"/> was called. Throws
    /// <see cref="VfioUserException"/> where what comes is no command.
    /// </summary>
    public VfioUserMessage? Receive()
    {
        var header = new byte[HeaderSize];
        var files = AncillaryFiles.Receive(socket, header, out int received);
        try
        {
            if (received == 0 || !TryFill(header.AsSpan(received))) return null;
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(4));
            uint flags = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8));
            if (size is < HeaderSize or > LongestMessage) throw new VfioUserException($"a message of {size} bytes");
            if ((flags & TypeMask) != 0) throw new VfioUserException($"a message of type {flags & TypeMask}, where commands are asked for");
            var payload = new byte[size - HeaderSize];
            if (!TryFill(payload)) return null;
            var message = new VfioUserMessage(
                BinaryPrimitives.ReadUInt16LittleEndian(header), (VfioUserCommand)BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(2)), (flags & NoReply) == 0, payload, files);
            files = [];
            return message;
        }
        catch (SocketException)
        {
            return null;
        }
        finally
        {
            foreach (var file in files) file.Dispose();
        }
    }

    /// <summary>Answers a command, if it wants that.</summary>
    public void Reply(VfioUserMessage to, ReadOnlySpan<byte> payload) => Send(to, ReplyType, 0, payload);

    /// <summary>Answers a command, if it wants that, by an error of the operating system's numbering.</summary>
    public void Refuse(VfioUserMessage to, int error) => Send(to, ReplyType | Error, (uint)error, []);

    /// <summary>Ends the connection from any thread: who waits for a command is told that there are no more.</summary>
    public void HangUp()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // It has ended already.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();

    private void Send(VfioUserMessage to, uint flags, uint error, ReadOnlySpan<byte> payload)
    {
        if (!to.WantsReply) return;
        var message = new byte[HeaderSize + payload.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(message, to.Id);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(2), (ushort)to.Command);
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(4), (uint)message.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(8), flags);
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(12), error);
        payload.CopyTo(message.AsSpan(HeaderSize));
        try
        {
            for (var rest = message.AsSpan(); !rest.IsEmpty;) rest = rest[socket.Send(rest)..];
        }
        catch (SocketException)
        {
            // The other end has gone, which the next Receive says.
        }
    }

    private bool TryFill(Span<byte> rest)
    {
        while (!rest.IsEmpty)
        {
            int received = socket.Receive(rest);
            if (received == 0) return false;
            rest = rest[received..];
        }

        return true;
    }
}
