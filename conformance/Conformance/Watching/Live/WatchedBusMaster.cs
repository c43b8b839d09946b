using Viommu.Guest.Targets;

namespace Viommu.Conformance.Watching.Live;

/// <summary>An endpoint whose accesses can make the device report faults.</summary>
internal sealed class WatchedBusMaster(IBusMaster inner, WatchedQueues queues) : IBusMaster
{
    public uint EndpointId => inner.EndpointId;

    public int BufferSize => inner.BufferSize;

    public void Load(ulong iova, int bufferOffset, int length)
    {
        inner.Load(iova, bufferOffset, length);
        queues.LookForUsed();
    }

    public void Store(ulong iova, int bufferOffset, int length)
    {
        inner.Store(iova, bufferOffset, length);
        queues.LookForUsed();
    }
}
