using Viommu.Conformance.Oracle;
using Viommu.Guest.Driver;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Tests.Oracle.Bench;

namespace Viommu.Conformance.Tests.Oracle;

/// <summary>The bytes of PROBE replies and of fault reports, typed from the text.</summary>
public sealed class ReplyRulesTests
{
    // RESV_MEM, length 20; subtype MSI, three reserved bytes; 0xfee00000 to 0xfeefffff.
    private static readonly byte[] Doorbell =
    [
        0x01, 0x00, 0x14, 0x00, 0x01, 0x00, 0x00, 0x00,
        0x00, 0x00, 0xe0, 0xfe, 0x00, 0x00, 0x00, 0x00,
        0xff, 0xff, 0xef, 0xfe, 0x00, 0x00, 0x00, 0x00,
    ];

    // reason MAPPING, flags WRITE and ADDRESS, endpoint 0x20, address 0x1000.
    private static readonly byte[] Fault =
    [
        0x02, 0x00, 0x00, 0x00, 0x02, 0x01, 0x00, 0x00, 0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ];

    [Theory]
    [InlineData(-1, 0, OracleClause.Silence)]
    [InlineData(1, 0x10, OracleClause.ProbeD05)]
    [InlineData(2, 0x18, OracleClause.ProbeD06)]
    [InlineData(5, 1, OracleClause.ResvD01)]
    [InlineData(40, 1, OracleClause.ProbeD10)]
    [InlineData(65, 1, OracleClause.OpsD05)]
    public void One_byte_makes_the_difference(int at, byte value, OracleClause broken)
    {
        var reply = Reply([.. Doorbell]);
        if (at >= 0) reply[at] = value;
        Assert.Equal(broken, Broken(reply));
    }

    [Fact]
    public void Two_doorbells_are_one_too_many() => Assert.Equal(OracleClause.ResvD02, Broken(Reply([.. Doorbell, .. Doorbell])));

    [Fact]
    public void Regions_do_not_overlap() => Assert.Equal(OracleClause.ResvD03, Broken(Reply([.. Doorbell, .. Doorbell[..4], 0, .. Doorbell[5..]])));

    [Fact]
    public void A_property_does_not_stick_out_of_its_area() => Assert.Equal(OracleClause.DescIommu14, Broken(Reply([2, 0, 0x3d, 0])));

    [Fact]
    public void Nothing_lies_between_two_properties() => Assert.Equal(OracleClause.ProbeD07, Broken(Reply([.. Doorbell, 0, 0, 0, 0, .. Doorbell])));

    [Fact]
    public void Bytes_that_are_counted_are_written()
    {
        var reply = Reply([]);
        reply.AsSpan(0, 64).Fill(GuardedBuffer.Poison);
        Assert.Equal(OracleClause.UsedLength, Broken(reply));
    }

    [Fact]
    public void PROBE_of_an_unknown_endpoint_is_NOENT_whether_the_length_counts_it_or_not()
    {
        var reply = new byte[68];
        reply.AsSpan().Fill(GuardedBuffer.Poison);
        new byte[] { 6, 0, 0, 0 }.CopyTo(reply, 64);
        Assert.False(new Bench().Returns(new ProbeRequest(Unknown, 64), reply, 0).IsDeviation);
        Assert.Equal(OracleClause.ProbeD02, new Bench().Says(new ProbeRequest(Unknown, 64), RequestStatus.Inval).Clause);
        Assert.Equal(OracleClause.ProbeD02, new Bench().Says(new ProbeRequest(Unknown, 64), RequestStatus.Ok).Clause);
    }

    [Fact]
    public void An_area_that_is_too_small_is_INVAL_and_takes_no_property()
    {
        Assert.False(new Bench().Says(new ProbeRequest(First, 63), RequestStatus.Inval).IsDeviation);
        Assert.Equal(OracleClause.ProbeD09, new Bench().Says(new ProbeRequest(First, 63), RequestStatus.Ok).Clause);
        byte[] reply = [.. Doorbell, .. new byte[39], 4, 0, 0, 0];
        Assert.Equal(OracleClause.ProbeD08, new Bench().Returns(new ProbeRequest(First, 63), reply, 67).Clause);
    }

    [Fact]
    public void PROBE_that_is_not_offered_is_left_alone()
    {
        Assert.False(new Bench(Features.MapUnmap).Ignores(new ProbeRequest(First, 64)).IsDeviation);
        Assert.Equal(OracleClause.ProbeD03, new Bench(Features.MapUnmap).Says(new ProbeRequest(First, 64), RequestStatus.Unsupp).Clause);
    }

    [Theory]
    [InlineData(-1, 0, OracleClause.Silence)]
    [InlineData(0, 0, OracleClause.Silence)]
    [InlineData(0, 1, OracleClause.DescIommu17)]
    [InlineData(1, 1, OracleClause.FaultD01)]
    [InlineData(13, 1, OracleClause.FaultD01)]
    [InlineData(4, 6, OracleClause.FaultD02)]
    [InlineData(8, 0x21, OracleClause.FaultD03)]
    [InlineData(17, 0x20, OracleClause.FaultD04)]
    public void A_report_fits_what_was_done(int at, byte value, OracleClause broken)
    {
        var bench = new Bench().Having(Attach(1, First));
        bench.Reaches(First, 0x1000, isWrite: true, null);
        byte[] report = [.. Fault];
        if (at >= 0) report[at] = value;
        Assert.Equal(broken, bench.Oracle.JudgeReport(report, 24).Clause);
    }

    [Fact]
    public void The_reason_without_a_domain_is_not_MAPPING()
    {
        var bench = new Bench();
        bench.Reaches(First, 0x1000, isWrite: true, null);
        Assert.Equal(OracleClause.DescIommu16, bench.Oracle.JudgeReport(Fault, 24).Clause);
        Assert.False(bench.Oracle.JudgeReport([1, .. Fault[1..]], 24).IsDeviation);
    }

    [Theory]
    [InlineData(Features.MapUnmap, OracleClause.Silence)]
    [InlineData(Features.MapUnmap | Features.Bypass, OracleClause.Silence)]
    [InlineData(Features.MapUnmap | Features.BypassConfig, OracleClause.Silence)]
    [InlineData(Features.MapUnmap | Features.Bypass | Features.BypassConfig, OracleClause.FeatD03)]
    [InlineData(Features.BypassConfig, OracleClause.FeatD01)]
    public void MAP_UNMAP_is_offered_and_one_kind_of_bypass_at_most(ulong offered, OracleClause broken)
    {
        var judgement = new Bench(offered).Oracle.JudgeOffer();
        Assert.Equal(broken, judgement.Clause);
        Assert.Equal(broken != OracleClause.Silence, judgement.IsDeviation);
    }

    private static byte[] Reply(byte[] properties) => [.. properties, .. new byte[68 - properties.Length]];

    private static OracleClause Broken(byte[] reply)
    {
        var judgement = new Bench().Returns(new ProbeRequest(First, 64), reply, (uint)reply.Length);
        return judgement.IsDeviation ? judgement.Clause : OracleClause.Silence;
    }
}
