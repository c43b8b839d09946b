using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Guest.Targets.Served;

namespace Viommu.Guest.Targets.Model;

/// <summary>
/// An endpoint of the model. What became of an access is known here but not told to guests: other endpoints do not tell either.
/// </summary>
internal sealed class ModelBusMaster(uint endpoint, IEndpointDma dma, ModelTarget target) : IBusMaster, IOutspokenBusMaster
{
    private readonly byte[] buffer = new byte[4096];

    public uint EndpointId => endpoint;

    public int BufferSize => buffer.Length;

    public void Load(ulong iova, int bufferOffset, int length) =>
        target.Guard(() => { dma.Read(endpoint, new IoVirtualAddress(iova), buffer.AsSpan(bufferOffset, length)); });

    public void Store(ulong iova, int bufferOffset, int length) =>
        target.Guard(() => { dma.Write(endpoint, new IoVirtualAddress(iova), buffer.AsSpan(bufferOffset, length)); });

    public bool TryRead(ulong iova, Span<byte> into, out int transferred)
    {
        var bytes = into.ToArray();
        var result = target.Guard(() => dma.Read(endpoint, new IoVirtualAddress(iova), bytes));
        bytes.CopyTo(into);
        transferred = (int)result.Transferred;
        return result.Outcome == DmaOutcome.Completed;
    }

    public bool TryWrite(ulong iova, ReadOnlySpan<byte> bytes)
    {
        var copy = bytes.ToArray();
        return target.Guard(() => dma.Write(endpoint, new IoVirtualAddress(iova), copy)).Outcome == DmaOutcome.Completed;
    }
}
