using Viommu.Device.Iommu;
using Viommu.Device.Memory;

namespace Viommu.Guest.Targets.Model;

/// <summary>An endpoint of the model. What became of an access is known here but not told: other endpoints do not tell either.</summary>
internal sealed class ModelBusMaster(uint endpoint, IEndpointDma dma, ModelTarget target) : IBusMaster
{
    private readonly byte[] buffer = new byte[4096];

    public uint EndpointId => endpoint;

    public int BufferSize => buffer.Length;

    public void Load(ulong iova, int bufferOffset, int length) =>
        target.Guard(() => { dma.Read(endpoint, new IoVirtualAddress(iova), buffer.AsSpan(bufferOffset, length)); });

    public void Store(ulong iova, int bufferOffset, int length) =>
        target.Guard(() => { dma.Write(endpoint, new IoVirtualAddress(iova), buffer.AsSpan(bufferOffset, length)); });
}
