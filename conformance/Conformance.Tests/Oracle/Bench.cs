using Viommu.Conformance.Oracle;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Tests.Oracle;

/// <summary>An oracle on a bench: it is told what a device did, without there being one.</summary>
internal sealed class Bench
{
    public const uint First = 0x20;
    public const uint Second = 0x28;
    public const uint Picky = 0x30;
    public const uint Unknown = 0xffff_fff0;
    public const ulong Ram = 0x10_0000;

    public static readonly IommuConfig Config = new(0xffff_ffff_ffff_f000, 0x1000, 0xffff_ffff_ffff, 1, 100, 64, 0);

    private static readonly ReservedRegion Doorbell = new(ReservedRegion.MsiSubtype, 0, 0xfee0_0000, 0xfeef_ffff);
    private static readonly ReservedRegion Kept = new(ReservedRegion.ReservedSubtype, 0, 0x200_0000, 0x200_ffff);

    public Bench(ulong offered = Features.IommuChapter & ~Features.Bypass, ulong? negotiated = null, IommuConfig? config = null, bool bypass = false)
    {
        EndpointFacts[] endpoints = [new(First, [Doorbell]), new(Second, [Doorbell]), new(Picky, [Doorbell, Kept])];
        Oracle = new SpecOracle(new DeviceFacts(offered, negotiated ?? offered, config ?? Config, endpoints, new AddressWindow(Ram, Ram + 0xff_ffff)));
        Oracle.JudgeBypass(bypass ? (byte)1 : (byte)0);
    }

    public SpecOracle Oracle { get; }

    /// <summary>The device answers a request with a status in its tail, and writes it as it ought to.</summary>
    public Judgement Says(Request request, RequestStatus status) => Says(request, (byte)status);

    public Judgement Says(Request request, byte status)
    {
        var reply = new byte[request.WritableLength];
        reply[^4] = status;
        return Returns(request, reply, (uint)reply.Length);
    }

    /// <summary>The device returns a request with these bytes.</summary>
    public Judgement Returns(Request request, byte[] reply, uint used) =>
        Oracle.Judge(new RequestView(request.Encode(), request.WritableLength), new AnswerView(reply, used));

    /// <summary>The device returns a request as it was.</summary>
    public Judgement Ignores(Request request)
    {
        var reply = new byte[request.WritableLength];
        reply.AsSpan().Fill(GuardedBuffer.Poison);
        return Returns(request, reply, 0);
    }

    /// <summary>What the device may answer to a request.</summary>
    public Answers Allowed(Request request) => (Answers)Oracle.Explain(new RequestView(request.Encode(), request.WritableLength))
        .Aggregate(0, (set, outcome) => set | 1 << Enumerable.Range(0, 12).Single(bit => ((Answers)(1 << bit)).Describe() == outcome.Answer));

    /// <summary>Set-up: the device does as it is told.</summary>
    public Bench Having(params ReadOnlySpan<Request> requests)
    {
        foreach (var request in requests) Assert.False(Says(request, RequestStatus.Ok).IsDeviation, $"set-up: {request}");
        Assert.False(Oracle.IsUncertain, "set-up: the state is known");
        return this;
    }

    /// <summary>An endpoint reads or writes one byte, which gets to <paramref name="physical"/>, or nowhere.</summary>
    public Judgement Reaches(uint endpoint, ulong address, bool isWrite, ulong? physical) =>
        Oracle.JudgeAccess(endpoint, address, isWrite, [physical ?? SpecOracle.Nowhere]);

    public static AttachRequest Attach(uint domain, uint endpoint, uint flags = 0) => new(domain, endpoint) { Flags = flags };

    public static MapRequest Map(uint domain, ulong start, ulong end, uint flags = 3, ulong physical = Ram) => new(domain, start, end, physical, flags);
}
