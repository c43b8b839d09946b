using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Running;
using Viommu.Conformance.Selftest;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Tests.Oracle;

/// <summary>
/// A request against which nothing speaks succeeds, or meets the device's own limits, which it can at any time; any other refusal breaks
/// IOMMU-OPS-D-01. The oracle and the check say the same of each status.
/// </summary>
public sealed class RefusalTests
{
    private const uint Domain = 1;

    private static readonly Check Check = CheckRegistry.Find(typeof(CheckRegistry).Assembly, ClauseCatalogue.Load()).Single(check => check.Clauses[0] == "IOMMU-OPS-D-01");

    public static TheoryData<byte, RequestStatus> Refusals
    {
        get
        {
            var rows = new TheoryData<byte, RequestStatus>();
            foreach (var type in (byte[])[RequestType.Attach, RequestType.Detach, RequestType.Map, RequestType.Unmap])
            {
                foreach (var status in Enum.GetValues<RequestStatus>().Where(status => status != RequestStatus.Ok)) rows.Add(type, status);
            }
            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Oracle_and_check_agree_on_a_refusal_without_a_reason(byte type, RequestStatus status)
    {
        var judgement = Ready(type).Says(Valid(type), status);
        var (verdict, _) = Try(type, status);

        Assert.Equal(status is not (RequestStatus.NoMem or RequestStatus.DevErr), judgement.IsDeviation);
        Assert.Equal(judgement.IsDeviation ? Verdict.Warn : Verdict.NotApplicable, verdict);
    }

    [Fact]
    public void The_reason_names_the_limit() => Assert.Contains("NOMEM", Try(RequestType.Map, RequestStatus.NoMem).Told, StringComparison.Ordinal);

    private static (Verdict Verdict, string Told) Try(byte type, RequestStatus status)
    {
        var device = BrokenDevice.Requests("refuses for no reason", [Check.Id], (request, reply, next) =>
        {
            if (request[0] != type || reply.Length < Request.TailSize) return next(request, reply);
            reply[0] = (byte)status;
            return Request.TailSize;
        });
        var (_, outcome) = Conviction.Try(device, [Check]).Single();
        return (outcome.Verdict, $"{outcome.Expected} {outcome.Actual}");
    }

    private static Bench Ready(byte type) => type switch
    {
        RequestType.Attach => new Bench(),
        RequestType.Detach or RequestType.Map => new Bench().Having(Valid(RequestType.Attach)),
        _ => new Bench().Having(Valid(RequestType.Attach), Valid(RequestType.Map)),
    };

    // Two granules: one alone has a clause of its own.
    private static Request Valid(byte type) => type switch
    {
        RequestType.Attach => Bench.Attach(Domain, Bench.First),
        RequestType.Detach => new DetachRequest(Domain, Bench.First),
        RequestType.Map => Bench.Map(Domain, 0x2000, 0x3fff),
        _ => new UnmapRequest(Domain, 0x2000, 0x3fff),
    };
}
