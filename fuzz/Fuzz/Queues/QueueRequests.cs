using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Queues;

/// <summary>What queue programs send.</summary>
internal static class QueueRequests
{
    private const uint MissingDomain = 77;

    private static readonly byte[] _unknown = [0x7f, 0, 0, 0, 1, 2, 3, 4];

    /// <summary>Requests that leave everything as it is, and whose answers no other one changes: in whatever order a device takes them.</summary>
    private static readonly byte[][] _anyOrder =
    [
        Requests.Detach(1, TestBed.NoEndpoint),
        Requests.Unmap(MissingDomain, 0x1000, 0x1fff),
        Requests.Probe(TestBed.FirstEndpoint),
        _unknown,
        Requests.Map(MissingDomain, 0x1000, 0x1fff, TestBed.Ram, Requests.ReadWrite),
        Requests.Attach(1, TestBed.NoEndpoint),
    ];

    /// <summary>Requests whose answers depend on those before.</summary>
    private static readonly byte[][] _inTurn =
    [
        Requests.Attach(1, TestBed.FirstEndpoint),
        Requests.Map(1, 0x1000, 0x1fff, TestBed.Ram, Requests.ReadWrite),
        Requests.Unmap(1, 0x1000, 0x1fff),
        Requests.Map(1, 0x1000, 0x1fff, TestBed.Ram, Requests.ReadWrite),
        Requests.Detach(1, TestBed.FirstEndpoint),
    ];


    /// <summary>A byte that is no request: it comes back unwritten (IOMMU-OPS-D-02).</summary>
    public static ReadOnlySpan<byte> Nothing => _unknown.AsSpan(0, 1);

    /// <summary>One that is answered with a status of its own, whatever state the device is in.</summary>
    public static byte[] Knock => _anyOrder[0];

    /// <summary>Whether what a number stands for depends on the requests before.</summary>
    public static bool IsInTurn(uint number) => number % Count >= _anyOrder.Length;

    /// <summary>The request of that number, so many places on in its list.</summary>
    public static byte[] Of(uint number, int ahead)
    {
        uint kind = number % Count;
        return kind < _anyOrder.Length
            ? _anyOrder[(kind + (uint)ahead) % _anyOrder.Length]
            : _inTurn[(kind - (uint)_anyOrder.Length + (uint)ahead) % _inTurn.Length];
    }

    /// <summary>Room for the answer: as much as the request needs, most of the time.</summary>
    public static int RoomFor(ReadOnlySpan<byte> request, int room) => (room & 3) switch
    {
        1 => 0,
        2 => Requests.TailSize - 1,
        3 => Requests.TailSize + (int)TestBed.ProbeSize,
        _ => Requests.TailSize + (request[0] == RequestLayout.Probe ? (int)TestBed.ProbeSize : 0),
    };

    private static uint Count => (uint)(_anyOrder.Length + _inTurn.Length);
}
