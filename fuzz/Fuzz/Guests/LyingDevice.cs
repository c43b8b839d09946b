using Viommu.Conformance.Selftest;
using Viommu.Device.Iommu;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Guests;

/// <summary>The reference device, which tells a guest lies. What it does with requests it does as they ask: only what it says is wrong.</summary>
internal sealed class LyingDevice(IommuDevice device, IReadOnlyList<Lie> lies) : Interceptor(device)
{
    private readonly List<Lie> _told = [];
    private readonly ILookup<int, Lie> _lies = lies.ToLookup(lie => lie.Request);
    private readonly Dictionary<int, byte> _config = ConfigOf(lies.Where(lie => lie.Request == 0));

    private bool _isHistoryKnown = true;

    /// <summary>Requests that were answered so far.</summary>
    public int Requests { get; private set; }

    /// <summary>The lies that were told, in their order.</summary>
    public IReadOnlyList<Lie> Told => [.. lies.Where(lie => lie.Request == 0 && lie.Kind == LieKind.Config), .. _told];

    /// <summary>
    /// Called before the first lie after which driver and onlooker may not agree on what is attached, mapped and reserved. An answer whose status
    /// cannot be read leaves that open, and so does one that takes back what the device has said before: that a mapping is still there, which
    /// another MAP then covers and succeeds. Two lies are as clear as the truth: a MAP with an error that the spec knows, of which nothing is
    /// mapped, and properties.
    /// </summary>
    public Action? HistoryEnds { get; init; }

    /// <inheritdoc/>
    public override void ReadConfig(int offset, Span<byte> into)
    {
        base.ReadConfig(offset, into);
        for (int i = 0; i < into.Length; i++)
        {
            if (_config.TryGetValue(offset + i, out byte other)) into[i] = other;
        }
    }

    /// <inheritdoc/>
    protected override int Handle(byte[] request, Span<byte> reply)
    {
        int used = base.Handle(request, reply);
        Requests++;
        foreach (var lie in _lies[Requests])
        {
            _told.Add(lie);
            if (_isHistoryKnown && !IsClear(lie, request, reply.Length))
            {
                _isHistoryKnown = false;
                HistoryEnds?.Invoke();
            }

            used = Tell(lie, reply, used);
        }

        return used;
    }

    private static bool IsClear(Lie lie, byte[] request, int room) => lie.Kind switch
    {
        LieKind.Status => request is [RequestType.Map, ..] && (RequestStatus)lie.Bytes[0] is not RequestStatus.Ok and var status && Enum.IsDefined(status),
        LieKind.Used => false,
        LieKind.Reply => request is [RequestType.Probe, ..] && lie.Bytes.Length <= room - Request.TailSize,
        _ => true,
    };

    private int Tell(Lie lie, Span<byte> reply, int used)
    {
        switch (lie.Kind)
        {
            case LieKind.Status:
                if (used >= Request.TailSize) reply[used - Request.TailSize] = lie.Bytes[0];
                break;
            case LieKind.Used:
                return Math.Min(lie.Bytes[0], reply.Length);
            case LieKind.Reply:
                lie.Bytes.AsSpan(0, Math.Min(lie.Bytes.Length, reply.Length)).CopyTo(reply);
                break;
            case LieKind.Report:
                TryReport(IommuDevice.EventQueue, lie.Bytes);
                break;
            case LieKind.Config:
                foreach (var (offset, value) in ConfigOf([lie])) _config[offset] = value;
                break;
            case LieKind.Changed:
                for (int i = 0; i < lie.Bytes[0]; i++) ConfigChanged();
                break;
        }

        return used;
    }

    private static Dictionary<int, byte> ConfigOf(IEnumerable<Lie> lies) =>
        lies.Where(lie => lie.Kind == LieKind.Config)
            .SelectMany(lie => lie.Bytes.Skip(1).Select((value, i) => (Offset: lie.Bytes[0] + i, Value: value)))
            .GroupBy(pair => pair.Offset)
            .ToDictionary(group => group.Key, group => group.Last().Value);
}
