using Viommu.Conformance.Oracle;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Tests.Oracle.Bench;

namespace Viommu.Conformance.Tests.Oracle;

/// <summary>Where accesses of endpoints may arrive, typed from the text.</summary>
public sealed class AccessRulesTests
{
    private static readonly ulong[] Nowhere = [SpecOracle.Nowhere, SpecOracle.Nowhere];

    [Theory]
    [InlineData(0x1000, Ram)]
    [InlineData(0x1fff, Ram + 0xfff)]
    [InlineData(0x1800, Ram + 0x800)]
    public void A_mapped_byte_arrives_at_its_distance_from_the_start(ulong address, ulong physical)
    {
        var bench = Mapped();
        Assert.False(bench.Reaches(First, address, isWrite: true, physical).IsDeviation);
        Assert.Equal(new Judgement(JudgementKind.Loss, OracleClause.DescIommu13), Mapped().Reaches(First, address, isWrite: true, null));
        Assert.Equal(new Judgement(JudgementKind.Leak, OracleClause.DescIommu13), Mapped().Reaches(First, address, isWrite: true, physical + 1));
    }

    [Theory]
    [InlineData(0xfff)]
    [InlineData(0x2000)]
    public void A_byte_beside_a_mapping_does_not_arrive(ulong address)
    {
        Assert.False(Mapped().Reaches(First, address, isWrite: true, null).IsDeviation);
        Assert.Equal(JudgementKind.Leak, Mapped().Reaches(First, address, isWrite: true, Ram + 0x5000).Kind);
    }

    [Fact]
    public void Writing_needs_the_WRITE_flag_and_reading_without_READ_is_left_open()
    {
        var bench = new Bench().Having(Attach(1, First), Map(1, 0x1000, 0x1fff, MapFlags.Read), Map(1, 0x2000, 0x2fff, MapFlags.Write));
        Assert.Equal(OracleClause.MapD06, bench.Reaches(First, 0x1000, isWrite: true, Ram).Clause);
        Assert.False(bench.Reaches(First, 0x1000, isWrite: false, Ram).IsDeviation);
        Assert.False(bench.Reaches(First, 0x2000, isWrite: false, Ram).IsDeviation);
        Assert.False(bench.Reaches(First, 0x2000, isWrite: false, null).IsDeviation);
    }

    [Fact]
    public void An_access_that_is_refused_in_part_may_arrive_in_part()
    {
        ulong[][] fine = [[Ram + 0xfff, SpecOracle.Nowhere], Nowhere];
        foreach (var landed in fine) Assert.False(Mapped().Oracle.JudgeAccess(First, 0x1fff, true, landed).IsDeviation);
        Assert.True(Mapped().Oracle.JudgeAccess(First, 0x1fff, true, [Ram + 0xfff, Ram + 0x1000]).IsDeviation);
    }

    [Fact]
    public void Without_a_domain_nothing_arrives_unless_bypass_is_on()
    {
        Assert.Equal(OracleClause.OpsD06, new Bench().Reaches(First, Ram, isWrite: true, Ram).Clause);
        Assert.False(new Bench().Reaches(First, Ram, isWrite: true, null).IsDeviation);
        Assert.False(new Bench(bypass: true).Reaches(First, Ram, isWrite: true, Ram).IsDeviation);
        Assert.Equal(new Judgement(JudgementKind.Loss, OracleClause.DescIommu06), new Bench(bypass: true).Reaches(First, Ram, isWrite: true, null));
    }

    [Fact]
    public void Bypass_counts_where_it_is_offered_and_the_older_BYPASS_where_it_is_accepted()
    {
        Assert.False(new Bench(negotiated: Features.MapUnmap, bypass: true).Reaches(First, Ram, isWrite: true, Ram).IsDeviation);
        Assert.False(new Bench(Features.MapUnmap | Features.Bypass).Reaches(First, Ram, isWrite: true, Ram).IsDeviation);
        Assert.True(new Bench(Features.MapUnmap | Features.Bypass, negotiated: Features.MapUnmap).Reaches(First, Ram, isWrite: true, Ram).IsDeviation);
    }

    [Fact]
    public void In_a_bypass_domain_everything_arrives_where_it_says()
    {
        var bench = new Bench().Having(Attach(1, First, AttachRequest.BypassFlag));
        Assert.False(bench.Reaches(First, Ram, isWrite: false, Ram).IsDeviation);
        Assert.Equal(new Judgement(JudgementKind.Loss, OracleClause.DescIommu11), bench.Reaches(First, Ram, isWrite: false, null));
    }

    [Fact]
    public void Accesses_to_a_reserved_region_reach_no_memory_and_in_bypass_mode_may()
    {
        Assert.Equal(OracleClause.ResvD05, new Bench().Having(Attach(1, Picky)).Reaches(Picky, 0x200_0000, isWrite: true, 0x200_0000).Clause);
        Assert.False(new Bench(bypass: true).Reaches(Picky, 0x200_0000, isWrite: true, null).IsDeviation);
        Assert.False(new Bench(bypass: true).Reaches(Picky, 0x200_0000, isWrite: true, 0x200_0000).IsDeviation);
    }

    [Theory]
    [InlineData("unmap", OracleClause.UnmapD07)]
    [InlineData("detach", OracleClause.DetachD04)]
    [InlineData("move", OracleClause.AttachD08)]
    [InlineData("reset", OracleClause.DescIommu01)]
    [InlineData("foreign", OracleClause.DescIommu10)]
    public void A_leak_is_charged_to_what_closed_the_way(string how, OracleClause clause)
    {
        var bench = Mapped();
        switch (how)
        {
            case "unmap":
                bench.Having(new UnmapRequest(1, 0x1000, 0x1fff));
                break;
            case "detach":
                bench.Having(new DetachRequest(1, First));
                break;
            case "move":
                bench.Having(Attach(2, First));
                break;
            case "reset":
                bench.Oracle.Start(bench.Oracle.Facts, bypass: false);
                break;
            default:
                bench.Having(Attach(2, Second));
                break;
        }
        Assert.Equal(new Judgement(JudgementKind.Leak, clause), bench.Reaches(how == "foreign" ? Second : First, 0x1000, isWrite: true, Ram));
    }

    [Fact]
    public void A_mapping_that_goes_on_past_its_end_is_not_taken_for_a_former_one()
    {
        var bench = Mapped().Having(new UnmapRequest(1, 0x1000, 0x1fff), Map(1, 0x2000, 0x2fff, physical: Ram + 0x1000));
        Assert.Equal(OracleClause.DescIommu13, bench.Reaches(First, 0x1fff, isWrite: true, Ram + 0xfff).Clause);
        Assert.Equal(OracleClause.UnmapD07, bench.Reaches(First, 0x1000, isWrite: true, Ram).Clause);
    }

    [Fact]
    public void What_goes_on_behind_the_last_address_is_left_open()
    {
        var bench = new Bench(Features.MapUnmap);
        bench.Reaches(First, 0x1000, isWrite: true, null);
        bench.Having(Attach(1, First), Map(1, 0xffff_ffff_ffff_f000, ulong.MaxValue), Map(1, 0, 0xfff));
        Assert.False(bench.Oracle.JudgeAccess(First, ulong.MaxValue, true, [Ram + 0xfff, SpecOracle.Nowhere]).IsDeviation);
        byte[] mapping = [2, 0, 0, 0, 2, 0, 0, 0, 0x20, 0, 0, 0, .. new byte[12]];
        Assert.False(bench.Oracle.JudgeReport(mapping, 24).IsDeviation);
    }

    [Fact]
    public void A_mapping_lost_to_a_refused_UNMAP_is_charged_to_the_UNMAP()
    {
        var refused = new UnmapRequest(1, 0x1000, 0x2fff);
        var bench = Mapped().Having(Map(1, 0x2000, 0x3fff, physical: Ram + 0x4000));
        bench.Says(refused, RequestStatus.Range);
        Assert.Equal(new Judgement(JudgementKind.Loss, OracleClause.UnmapD06), bench.Reaches(First, 0x1000, isWrite: true, null));

        bench = Mapped().Having(Map(1, 0x2000, 0x3fff, physical: Ram + 0x4000));
        bench.Says(refused, RequestStatus.Range);
        Assert.Equal(OracleClause.UnmapD06, bench.Says(Map(1, 0x1000, 0x1fff), RequestStatus.Ok).Clause);

        // Where it leads is another matter.
        bench = Mapped().Having(Map(1, 0x2000, 0x3fff, physical: Ram + 0x4000));
        bench.Says(refused, RequestStatus.Range);
        Assert.Equal(new Judgement(JudgementKind.Leak, OracleClause.DescIommu13), bench.Reaches(First, 0x1000, isWrite: true, Ram + 0x6000));
    }

    [Fact]
    public void The_bypass_field_holds_0_or_1_and_keeps_its_value_over_a_device_reset()
    {
        var oracle = new Bench().Oracle;
        Assert.Equal(new Judgement(JudgementKind.Field, OracleClause.CfgD06), oracle.JudgeBypass(2));
        Assert.False(oracle.JudgeBypass(1).IsDeviation);
        Assert.Equal(OracleClause.CfgD04, oracle.JudgeBypass(0, expected: true).Clause);
        Assert.Equal(OracleClause.CfgD05, oracle.JudgeBypass(0, expected: true, OracleClause.CfgD05).Clause);
    }

    private static Bench Mapped() => new Bench().Having(Attach(1, First), Map(1, 0x1000, 0x1fff));
}
