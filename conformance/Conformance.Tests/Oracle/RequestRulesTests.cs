using Viommu.Conformance.Oracle;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Tests.Oracle.Bench;

namespace Viommu.Conformance.Tests.Oracle;

/// <summary>What may be answered to a request, typed from the text, section by section. NOMEM and DEVERR may always be.</summary>
public sealed class RequestRulesTests
{
    private const Answers Ok = Answers.Ok | Answers.Exhausted;
    private const Answers Inval = Answers.Inval | Answers.Exhausted;
    private const Answers NoEnt = Answers.NoEnt | Answers.Exhausted;
    private const Answers Range = Answers.Range | Answers.Exhausted;
    private const Answers Unsupp = Answers.Unsupp | Answers.Exhausted;

    [Fact]
    public void ATTACH_to_a_new_domain_is_OK() => Assert.Equal(Ok, new Bench().Allowed(Attach(1, First)));

    [Theory]
    [InlineData(1u)]
    [InlineData(0xff00_0000u)]
    public void ATTACH_with_reserved_bytes_is_INVAL(uint reserved)
    {
        var request = Attach(1, First) with { Reserved = reserved };
        Assert.Equal(Inval, new Bench().Allowed(request));
        Assert.Equal(new Judgement(JudgementKind.Answer, OracleClause.AttachD01, Answers.Ok), new Bench().Says(request, RequestStatus.Ok));
    }

    [Theory]
    [InlineData(2u)]
    [InlineData(0x8000_0001u)]
    public void ATTACH_with_unknown_flags_is_INVAL(uint flags)
    {
        Assert.Equal(Inval, new Bench().Allowed(Attach(1, First, flags)));
        Assert.Equal(OracleClause.AttachD02, new Bench().Says(Attach(1, First, flags), RequestStatus.Unsupp).Clause);
    }

    [Fact]
    public void ATTACH_of_an_unknown_endpoint_is_NOENT() => Assert.Equal(NoEnt, new Bench().Allowed(Attach(1, Unknown)));

    [Fact]
    public void Two_errors_in_one_request_allow_either_answer()
    {
        var request = Attach(1, Unknown) with { Reserved = 1 };
        Assert.Equal(Inval | NoEnt, new Bench().Allowed(request));
        Assert.Equal(OracleClause.AttachD01, new Bench().Says(request, RequestStatus.Ok).Clause);
    }

    [Fact]
    public void A_second_endpoint_of_the_same_properties_ought_to_be_attached()
    {
        var bench = new Bench().Having(Attach(1, First));
        Assert.Equal(Ok, bench.Allowed(Attach(1, Second)));
        Assert.Equal(new Judgement(JudgementKind.Answer, OracleClause.AttachD10, Answers.Unsupp), bench.Says(Attach(1, Second), RequestStatus.Unsupp));
        Assert.Equal(new Judgement(JudgementKind.Answer, OracleClause.AttachD05, Answers.Inval), bench.Says(Attach(1, Second), RequestStatus.Inval));
    }

    [Fact]
    public void A_second_endpoint_of_other_properties_may_be_refused() =>
        Assert.Equal(Ok | Unsupp, new Bench().Having(Attach(1, First)).Allowed(Attach(1, Picky)));

    [Fact]
    public void A_second_endpoint_may_be_refused_where_nothing_can_be_probed() =>
        Assert.Equal(Ok | Unsupp, new Bench(Features.MapUnmap).Having(Attach(1, First)).Allowed(Attach(1, Second)));

    [Fact]
    public void An_endpoint_whose_region_is_mapped_is_UNSUPP()
    {
        var bench = new Bench().Having(Attach(1, First), Map(1, 0x200_0000, 0x200_0fff));
        Assert.Equal(Unsupp, bench.Allowed(Attach(1, Picky)));
        Assert.Equal(OracleClause.AttachD11, bench.Says(Attach(1, Picky), RequestStatus.Ok).Clause);
    }

    [Fact]
    public void Beside_an_endpoint_whose_properties_nobody_knows_a_mapped_region_proves_nothing()
    {
        var bench = new Bench().Having(Attach(1, 0x99), Map(1, 0x200_0000, 0x200_0fff));
        Assert.Equal(Ok | Unsupp, bench.Allowed(Attach(1, Picky)));
    }

    [Fact]
    public void F_BYPASS_that_does_not_fit_the_domain_is_INVAL()
    {
        Assert.Equal(Inval | Unsupp, new Bench().Having(Attach(1, First)).Allowed(Attach(1, Second, AttachRequest.BypassFlag)));
        Assert.Equal(Inval | Unsupp, new Bench().Having(Attach(1, First, AttachRequest.BypassFlag)).Allowed(Attach(1, Second)));
    }

    [Fact]
    public void F_BYPASS_without_its_feature_is_open() =>
        Assert.Equal(Answers.AnyStatus, new Bench(Features.MapUnmap | Features.Probe).Allowed(Attach(1, First, AttachRequest.BypassFlag)));

    [Fact]
    public void A_move_ought_to_be_made_and_is_otherwise_refused_with_UNSUPP()
    {
        var bench = new Bench().Having(Attach(1, First));
        Assert.Equal(Ok, bench.Allowed(Attach(2, First)));
        Assert.Equal(OracleClause.AttachD07, new Bench().Having(Attach(1, First)).Says(Attach(2, First), RequestStatus.Unsupp).Clause);
        Assert.Equal(OracleClause.AttachD09, new Bench().Having(Attach(1, First)).Says(Attach(2, First), RequestStatus.Inval).Clause);
    }

    [Fact]
    public void A_move_ends_the_domain_that_was_left()
    {
        var bench = new Bench().Having(Attach(1, First), Map(1, 0x1000, 0x1fff), Attach(2, First));
        Assert.Equal(NoEnt, bench.Allowed(Map(1, 0x1000, 0x1fff)));
        Assert.Equal(Ok, bench.Having(Attach(1, Second)).Allowed(Map(1, 0x1000, 0x1fff)));
    }

    [Fact]
    public void Attaching_again_to_the_same_domain_is_open() => Assert.Equal(Answers.AnyStatus, new Bench().Having(Attach(1, First)).Allowed(Attach(1, First)));

    [Fact]
    public void A_domain_outside_domain_range_may_be_refused() => Assert.Equal(Answers.AnyStatus, new Bench().Allowed(Attach(101, First)));

    [Fact]
    public void DETACH_is_OK_and_ends_the_domain()
    {
        var bench = new Bench().Having(Attach(1, First));
        Assert.Equal(Ok, bench.Allowed(new DetachRequest(1, First) { Reserved = ulong.MaxValue }));
        Assert.Equal(NoEnt, bench.Having(new DetachRequest(1, First)).Allowed(Map(1, 0x1000, 0x1fff)));
    }

    [Fact]
    public void DETACH_of_an_unknown_endpoint_is_NOENT() => Assert.Equal(NoEnt, new Bench().Allowed(new DetachRequest(1, Unknown)));

    [Fact]
    public void DETACH_from_where_the_endpoint_is_not_can_be_answered_by_any_status()
    {
        Assert.Equal(Answers.AnyStatus, new Bench().Allowed(new DetachRequest(1, First)));
        Assert.Equal(OracleClause.OpsD01, new Bench().Ignores(new DetachRequest(1, First)).Clause);
    }

    [Theory]
    [InlineData(0x1001, 0x1fff, 0UL)]
    [InlineData(0x1000, 0x1ffe, 0UL)]
    [InlineData(0x1000, 0x1fff, 1UL)]
    public void MAP_off_the_granule_is_RANGE(ulong start, ulong end, ulong off)
    {
        var bench = new Bench().Having(Attach(1, First));
        Assert.Equal(Range, bench.Allowed(Map(1, start, end, physical: Ram + off)));
        Assert.Equal(OracleClause.MapD01, bench.Says(Map(1, start, end, physical: Ram + off), RequestStatus.Ok).Clause);
    }

    [Fact]
    public void The_last_address_there_is_is_aligned()
    {
        var bench = new Bench(Features.MapUnmap | Features.Probe).Having(Attach(1, First));
        Assert.Equal(Ok, bench.Allowed(Map(1, 0xffff_ffff_ffff_f000, ulong.MaxValue)));
    }

    [Theory]
    [InlineData(0x2000, 0x4fff)]
    [InlineData(0x2000, 0x2fff)]
    [InlineData(0x1000, 0x2fff)]
    [InlineData(0x4000, 0x5fff)]
    [InlineData(0x1000, 0x9fff)]
    public void MAP_over_a_mapping_is_INVAL(ulong start, ulong end)
    {
        var bench = new Bench().Having(Attach(1, First), Map(1, 0x2000, 0x4fff));
        Assert.Equal(Inval, bench.Allowed(Map(1, start, end)));
        Assert.Equal(new Judgement(JudgementKind.Answer, OracleClause.MapD02, Answers.Ok), bench.Says(Map(1, start, end), RequestStatus.Ok));
    }

    [Theory]
    [InlineData(0x1000, 0x1fff)]
    [InlineData(0x5000, 0x5fff)]
    public void MAP_beside_a_mapping_is_OK(ulong start, ulong end) =>
        Assert.Equal(Ok, new Bench().Having(Attach(1, First), Map(1, 0x2000, 0x4fff)).Allowed(Map(1, start, end)));

    [Theory]
    [InlineData(8u)]
    [InlineData(0x8000_0003u)]
    public void MAP_with_unknown_flags_is_INVAL(uint flags)
    {
        var bench = new Bench().Having(Attach(1, First));
        Assert.Equal(OracleClause.MapD03, bench.Says(Map(1, 0x1000, 0x1fff, flags), RequestStatus.Ok).Clause);
        Assert.False(bench.Says(Map(1, 0x3000, 0x3fff, flags), RequestStatus.Inval).IsDeviation);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(2u)]
    [InlineData(4u)]
    [InlineData(7u)]
    public void Combinations_of_flags_may_be_refused(uint flags) => Assert.Equal(Answers.AnyStatus, new Bench().Having(Attach(1, First)).Allowed(Map(1, 0x1000, 0x1fff, flags)));

    [Fact]
    public void MAP_on_a_missing_domain_is_NOENT() => Assert.Equal(NoEnt, new Bench().Allowed(Map(1, 0x1000, 0x1fff)));

    [Fact]
    public void MAP_on_a_bypass_domain_is_INVAL() => Assert.Equal(Inval, new Bench().Having(Attach(1, First, 1)).Allowed(Map(1, 0x1000, 0x1fff)));

    [Theory]
    [InlineData(0x0, 0xfff)]
    [InlineData(0x0, 0x1fff)]
    [InlineData(0xffff_ffff_f000, 0x1_0000_0000_0fff)]
    public void MAP_outside_input_range_fails_with_whatever_status(ulong start, ulong end)
    {
        var bench = new Bench().Having(Attach(1, First));
        Assert.Equal(Answers.AnyRejection, bench.Allowed(Map(1, start, end)));
        Assert.Equal(OracleClause.DescIommu04, bench.Says(Map(1, start, end), RequestStatus.Ok).Clause);
    }

    [Theory]
    [InlineData(0x200_0000, 0x200_0fff, OracleClause.ResvD04)]
    [InlineData(0x1ff_f000, 0x200_0fff, OracleClause.ResvD04)]
    [InlineData(0xfeef_f000, 0xfef0_0fff, OracleClause.DescIommu15)]
    public void MAP_over_a_region_of_an_attached_endpoint_is_refused_with_whatever_status(ulong start, ulong end, OracleClause clause)
    {
        var bench = new Bench().Having(Attach(1, Picky));
        Assert.Equal(Answers.AnyRejection, bench.Allowed(Map(1, start, end)));
        Assert.Equal(clause, bench.Says(Map(1, start, end), RequestStatus.Ok).Clause);
    }

    [Fact]
    public void MAP_over_a_region_of_an_endpoint_elsewhere_is_OK() =>
        Assert.Equal(Ok, new Bench().Having(Attach(1, First), Attach(2, Picky)).Allowed(Map(1, 0x200_0000, 0x200_0fff)));

    [Fact]
    public void MAP_to_where_there_may_be_no_memory_may_be_refused() =>
        Assert.Equal(Answers.AnyStatus, new Bench().Having(Attach(1, First)).Allowed(Map(1, 0x1000, 0x1fff, physical: 0x8000_0000_0000)));

    [Fact]
    public void MAP_of_one_byte_may_be_refused_even_where_it_is_the_granule() =>
        Assert.Equal(Answers.AnyStatus, new Bench(config: Config with { PageSizeMask = 1 }).Having(Attach(1, First)).Allowed(Map(1, 0x1000, 0x1000)));

    [Fact]
    public void One_granule_can_be_mapped()
    {
        var bench = new Bench().Having(Attach(1, First));
        Assert.Equal(OracleClause.DescIommu03, bench.Says(Map(1, 0x1000, 0x1fff), RequestStatus.Range).Clause);
        Assert.Equal(OracleClause.OpsD01, bench.Says(Map(1, 0x4000, 0x4fff), RequestStatus.Inval).Clause);
    }

    [Fact]
    public void Nothing_is_judged_after_OK_to_a_range_that_ends_before_it_starts()
    {
        var bench = new Bench(Features.MapUnmap).Having(Attach(1, First));
        Assert.False(bench.Says(Map(1, 0x3000, 0x1fff), RequestStatus.Ok).IsDeviation);
        Assert.True(bench.Oracle.IsLost);
        Assert.Equal(JudgementKind.Unjudged, bench.Says(Map(7, 0x3000, 0x3fff), RequestStatus.Ok).Kind);
    }

    // The seven examples of 5.13.6.6, in units of 0x1000 behind 0x1_0000, and whether the range is then free.
    [Theory]
    [InlineData("", 0, 4, Answers.Ok)]
    [InlineData("0-9", 0, 9, Answers.Ok)]
    [InlineData("0-4 5-9", 0, 9, Answers.Ok)]
    [InlineData("0-9", 0, 4, Answers.Range)]
    [InlineData("0-4 5-9", 0, 4, Answers.Ok)]
    [InlineData("0-4", 0, 9, Answers.Ok)]
    [InlineData("0-4 10-14", 0, 14, Answers.Ok)]
    public void The_examples_of_UNMAP(string maps, ulong first, ulong last, Answers answer)
    {
        var bench = new Bench().Having(Attach(1, First));
        foreach (var map in maps.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var ends = map.Split('-').Select(ulong.Parse).ToArray();
            bench.Having(Map(1, At(ends[0]), At(ends[1] + 1) - 1));
        }
        var unmap = new UnmapRequest(1, At(first), At(last + 1) - 1);
        Assert.Equal(answer | Answers.Exhausted, bench.Allowed(unmap));
        bench.Says(unmap, answer == Answers.Ok ? RequestStatus.Ok : RequestStatus.Range);
        Assert.Equal(answer == Answers.Ok ? Ok : Inval, bench.Allowed(Map(1, At(first), At(last + 1) - 1)));

        static ulong At(ulong unit) => 0x1_0000 + unit * 0x1000;
    }

    [Fact]
    public void UNMAP_of_everything_is_OK() =>
        Assert.Equal(Ok, new Bench(Features.MapUnmap).Having(Attach(1, First), Map(1, 0x1000, 0x1fff)).Allowed(new UnmapRequest(1, 0, ulong.MaxValue)));

    [Fact]
    public void UNMAP_on_a_missing_domain_is_NOENT_and_on_a_bypass_domain_INVAL()
    {
        Assert.Equal(NoEnt, new Bench().Allowed(new UnmapRequest(1, 0x1000, 0x1fff)));
        Assert.Equal(Inval, new Bench().Having(Attach(1, First, 1)).Allowed(new UnmapRequest(1, 0x1000, 0x1fff)));
    }

    [Fact]
    public void UNMAP_with_reserved_bytes_may_be_INVAL() =>
        Assert.Equal(Ok | Inval, new Bench().Having(Attach(1, First)).Allowed(new UnmapRequest(1, 0x1000, 0x1fff) { Reserved = 1 }));

    [Theory]
    [InlineData(0)]
    [InlineData(6)]
    [InlineData(0xff)]
    public void A_request_of_unknown_type_is_left_alone(byte type)
    {
        var request = new RawRequest([type, 0, 0, 0, 1, 2, 3, 4], 4);
        Assert.Equal(Answers.Unwritten, new Bench().Allowed(request));
        Assert.Equal(new Judgement(JudgementKind.Answer, OracleClause.OpsD02, Answers.Unsupp), new Bench().Says(request, RequestStatus.Unsupp));
        Assert.Equal(OracleClause.OpsD03, new Bench().Returns(request, [0xa5, 0xa5, 0xa5, 0xa5], 4).Clause);
        Assert.False(new Bench().Ignores(request).IsDeviation);
    }

    [Fact]
    public void A_request_without_room_for_a_tail_is_left_alone()
    {
        var request = new RawRequest(Attach(1, First).Encode(), 3);
        Assert.Equal(Answers.Unwritten, new Bench().Allowed(request));
        Assert.Equal(OracleClause.DescIommu02, new Bench().Returns(request, [4, 0, 0], 3).Clause);
    }

    [Fact]
    public void A_request_that_ends_early_is_open() =>
        Assert.Equal(Answers.AnyReturn | Answers.NotReturned, new Bench().Allowed(new RawRequest(Attach(1, First).Encode()[..19], 4)));

    [Fact]
    public void MAP_without_its_feature_is_open() =>
        Assert.Equal(Answers.AnyReturn | Answers.NotReturned, new Bench(negotiated: Features.Probe).Having(Attach(1, First)).Allowed(Map(1, 0x1000, 0x1fff)));

    [Fact]
    public void Rubbish_behind_the_status_is_told_from_the_status()
    {
        Assert.Equal(new Judgement(JudgementKind.Bytes, OracleClause.OpsD05, Answers.Ok), new Bench().Returns(Attach(1, First), [0, 0, 0xcc, 0], 4));
        Assert.False(new Bench().Returns(Attach(1, First), [0, 0, 0, 0], 4).IsDeviation);
    }

    [Fact]
    public void A_request_that_does_not_come_back_was_not_answered() =>
        Assert.Equal(OracleClause.OpsD01, new Bench().Oracle.Judge(new RequestView(Attach(1, First).Encode(), 4), AnswerView.NotReturned).Clause);
}
