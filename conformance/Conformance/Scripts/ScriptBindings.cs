using System.Globalization;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Scripts;

/// <summary>What the symbols of a script stand for on one target.</summary>
/// <param name="Ram">Where the memory begins that is set apart for what scripts map.</param>
/// <param name="Endpoints">The endpoints that DMA can be made from.</param>
/// <param name="FirstDomain">The first domain that the device has.</param>
/// <param name="ProbeSize">Bytes of properties that PROBE asks for.</param>
public sealed record ScriptBindings(ulong Ram, IReadOnlyList<uint> Endpoints, uint FirstDomain, int ProbeSize)
{
    // The number of no endpoint, for what the target does not have.
    private const uint NoEndpoint = 0xffff_ffff;

    /// <summary>What a symbol stands for.</summary>
    public ulong Resolve(Symbol symbol) => symbol.Base switch
    {
        SymbolBase.Ram => unchecked(Ram + symbol.Value),
        SymbolBase.Endpoint => symbol.Value < (ulong)Endpoints.Count ? Endpoints[(int)symbol.Value] : NoEndpoint,
        SymbolBase.FirstDomain => unchecked(FirstDomain + (uint)symbol.Value),
        _ => symbol.Value,
    };

    /// <summary>The request of an operation.</summary>
    public Request RequestOf(RequestOperation operation)
    {
        Request request = operation switch
        {
            AttachOperation op => new AttachRequest((uint)Resolve(op.Domain), (uint)Resolve(op.Endpoint)) { Flags = op.Flags, Reserved = op.Reserved },
            DetachOperation op => new DetachRequest((uint)Resolve(op.Domain), (uint)Resolve(op.Endpoint)) { Reserved = op.Reserved },
            MapOperation op => new MapRequest((uint)Resolve(op.Domain), Resolve(op.VirtStart), Resolve(op.VirtEnd), Resolve(op.PhysStart), op.Flags),
            UnmapOperation op => new UnmapRequest((uint)Resolve(op.Domain), Resolve(op.VirtStart), Resolve(op.VirtEnd)) { Reserved = op.Reserved },
            ProbeOperation op => new ProbeRequest((uint)Resolve(op.Endpoint), op.Size ?? ProbeSize) { Reserved = op.Reserved },
            BytesOperation op => new RawRequest(Convert.FromHexString(op.Hex), op.Writable),
            _ => throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{operation.GetType().Name} is no request"), nameof(operation)),
        };
        return request with { HeadReserved = operation.HeadReserved };
    }

    /// <summary>A request as an operation of a script, with symbols for what has one here.</summary>
    public RequestOperation OperationOf(Request request)
    {
        RequestOperation operation = request switch
        {
            AttachRequest r => new AttachOperation(r.Domain, EndpointOf(r.Endpoint), r.Flags, r.Reserved),
            DetachRequest r => new DetachOperation(r.Domain, EndpointOf(r.Endpoint), r.Reserved),
            MapRequest r => new MapOperation(r.Domain, r.VirtStart, r.VirtEnd, AddressOf(r.PhysStart), r.Flags),
            UnmapRequest r => new UnmapOperation(r.Domain, r.VirtStart, r.VirtEnd, r.Reserved),
            ProbeRequest r => new ProbeOperation(EndpointOf(r.Endpoint), r.PropertiesSize == ProbeSize ? null : r.PropertiesSize, r.Reserved),
            RawRequest r => new BytesOperation(Convert.ToHexStringLower(r.Readable), r.Writable),
            _ => throw new ArgumentException($"{request} is no request of a script", nameof(request)),
        };
        return operation with { HeadReserved = request.HeadReserved };
    }

    /// <summary>An endpoint by its name, if it has one here.</summary>
    public Symbol EndpointOf(uint endpoint)
    {
        for (var i = 0; i < Endpoints.Count; i++)
        {
            if (Endpoints[i] == endpoint) return Symbol.Endpoint(i);
        }
        return endpoint;
    }

    private Symbol AddressOf(ulong address) => address >= Ram && address - Ram < Playground.LargestSize ? Symbol.Ram(address - Ram) : address;
}
