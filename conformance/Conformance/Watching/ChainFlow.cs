using Viommu.Guest.Driver;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching;

/// <summary>Tells of chains that go to the device and come back, and of the requests and fault reports in them (5.13.2, 5.13.6).</summary>
internal sealed class ChainFlow(Action<Observation> see)
{
    private readonly Dictionary<Chain, SentRequest> requests = [];

    /// <summary>A chain was made available.</summary>
    public void Available(Chain chain, string where = "")
    {
        see(new ChainAvailable(chain) { Where = where });
        if (chain.Queue != IommuDriver.RequestQueueNumber || chain.Fault is not null) return;
        var request = SentRequest.Decode(chain.Readable, chain.WritableLength);
        requests[chain] = request;
        see(new RequestSent(request, chain) { Where = where });
    }

    /// <summary>A chain came back.</summary>
    public void Used(Chain chain, uint length, byte[] writable, string where = "")
    {
        see(new ChainUsed(chain, chain.Queue, chain.Id, length, writable) { Where = where });
        if (requests.Remove(chain, out var request))
            see(new RequestAnswered(request, chain, new Outcome(StatusIn(chain, length, writable), length, writable)) { Where = where });
        else if (chain.Queue == IommuDriver.EventQueueNumber)
            see(new FaultDelivered(length >= FaultReport.Size && writable.Length >= FaultReport.Size ? FaultReport.Decode(writable) : null, length) { Where = where });
    }

    /// <summary>Something came back that the device has not got.</summary>
    public void UsedWithoutHaving(int queue, uint id, uint length) => see(new ChainUsed(null, queue, id, length, []));

    // 5.13.6: the tail is the last four bytes of the device-writable part; bytes behind the used length say nothing (2.7.8.2).
    private static RequestStatus? StatusIn(Chain chain, uint length, byte[] writable)
    {
        var tail = (long)chain.WritableLength - Request.TailSize;
        return tail >= 0 && length > tail && tail < writable.Length ? (RequestStatus)writable[tail] : null;
    }
}
