using System.Net.Sockets;
using Viommu.Guest.Targets.Processes;
using Viommu.Guest.Targets.Qemu;

namespace Viommu.Fuzz.Parsing;

/// <summary>The other end of a qtest connection: says what an input says, and hangs up.</summary>
internal sealed class QtestPeer : IPeer, IDisposable
{
    private static readonly TimeSpan _deadline = TimeSpan.FromSeconds(10);

    // A name that starts with a zero byte is no file, and goes with the socket.
    private readonly UnixDomainSocketEndPoint _name = new($"\0viommu-fuzz-{Guid.NewGuid():N}");
    private readonly Socket _listener = NewSocket();

    public QtestPeer()
    {
        _listener.Bind(_name);
        _listener.Listen();
    }

    public string LastWords => "";

    public TimeSpan ProcessorTime => TimeSpan.Zero;

    public string HowItEnded() => "hung up";

    /// <summary>Has a client read a register, and get <paramref name="answer"/>.</summary>
    public ulong Ask(ReadOnlySpan<byte> answer, int width)
    {
        var near = NewSocket();
        near.Connect(_name);
        using var far = _listener.Accept();
        far.Send(answer);
        far.Shutdown(SocketShutdown.Send);
        using var client = new QtestClient(near, _deadline, this);
        return client.Read(0x1000, width);
    }

    public void Dispose() => _listener.Dispose();

    private static Socket NewSocket() => new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
}
