using System.Net.Sockets;
using System.Text.Json;
using Viommu.Guest.Hosting.VfioUser;

namespace Viommu.Guest.Hosting;

/// <summary>The socket of one function: one virtual machine monitor comes, and is served until it goes.</summary>
internal sealed class HostedSocket : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _path;
    private readonly int _slot;
    private readonly Lock _gate = new();
    private VfioUserConnection? _connection;
    private bool _isOver;

    /// <summary>Listens, and serves from a thread of its own.</summary>
    public HostedSocket(string path, int slot, VfioUserServer server)
    {
        (_path, _slot) = (path, slot);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(1);
        Served = Task.Factory.StartNew(() => Serve(server), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Over once whoever came has gone; faulted with what a device threw.</summary>
    public Task Served { get; }

    /// <summary>What QEMU is told of it.</summary>
    public string QemuDevice =>
        $$$"""{"driver":"vfio-user-pci","addr":"{{{_slot:x}}}","x-no-posted-writes":true,"x-msg-timeout":60000,"socket":{"type":"unix","path":"{{{JsonEncodedText.Encode(_path)}}}"}}""";

    /// <summary>Ends the service; whoever is there loses its device.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isOver = true;
            _connection?.HangUp();
            _listener.Dispose();
        }
    }

    private void Serve(VfioUserServer server)
    {
        if (Accept() is not { } connection) return;
        using (connection) server.Serve(connection);
    }

    private VfioUserConnection? Accept()
    {
        try
        {
            var socket = _listener.Accept();
            lock (_gate)
            {
                if (!_isOver) return _connection = new VfioUserConnection(socket);
                socket.Dispose();
                return null;
            }
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException && _isOver)
        {
            return null;
        }
    }
}
