using Viommu.Device.Iommu;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>An interceptor that keeps a record of attachments and mappings, for rules that are broken by remembering too much or the wrong thing.</summary>
internal abstract class Shadow(IommuDevice device) : Interceptor(device)
{
    /// <summary>A mapping: its domain and inclusive range, where it leads, and its flags.</summary>
    protected sealed record Mapped(uint Domain, ulong Start, ulong End, ulong Physical, uint Flags)
    {
        public bool Holds(ulong address) => address >= Start && address <= End;
    }

    /// <summary>Mappings that were made and not unmapped; they outlive their domain.</summary>
    protected List<Mapped> Mappings { get; } = [];

    /// <summary>The domain that each endpoint was attached to last, and is, unless it was detached.</summary>
    protected Dictionary<uint, uint> Attached { get; } = [];

    /// <summary>Domains that were attached to with F_BYPASS.</summary>
    protected HashSet<uint> BypassDomains { get; } = [];

    public override void Reset()
    {
        base.Reset();
        Forget();
    }

    public override void SystemReset()
    {
        base.SystemReset();
        Forget();
    }

    protected override int Handle(byte[] request, Span<byte> reply)
    {
        var used = PassOn(request, reply);
        if (used == Request.TailSize && reply[0] == (byte)RequestStatus.Ok) Record(request);
        return used;
    }

    /// <summary>Takes note of a request that was answered OK.</summary>
    protected void Record(ReadOnlySpan<byte> request)
    {
        switch (request[0])
        {
            case RequestType.Attach:
                Attached[U32(request, 8)] = U32(request, 4);
                if ((U32(request, 12) & AttachRequest.BypassFlag) != 0) BypassDomains.Add(U32(request, 4));
                break;
            case RequestType.Detach:
                Attached.Remove(U32(request, 8));
                break;
            case RequestType.Map:
                Mappings.Add(new Mapped(U32(request, 4), U64(request, 8), U64(request, 16), U64(request, 24), U32(request, 32)));
                break;
            case RequestType.Unmap:
                var (domain, start, end) = (U32(request, 4), U64(request, 8), U64(request, 16));
                Mappings.RemoveAll(mapping => mapping.Domain == domain && mapping.Start >= start && mapping.End <= end);
                break;
        }
    }

    private void Forget()
    {
        Mappings.Clear();
        Attached.Clear();
        BypassDomains.Clear();
    }
}
