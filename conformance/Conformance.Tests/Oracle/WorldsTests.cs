using Viommu.Conformance.Oracle;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Tests.Oracle.Bench;

namespace Viommu.Conformance.Tests.Oracle;

/// <summary>Where the text leaves a choice with a consequence, the oracle keeps both, and the next answer decides; a look at the device ends it.</summary>
public sealed class WorldsTests
{
    private static readonly byte[] Attached = Attach(1, First).Encode();
    private static readonly byte[] AlsoAttached = Attach(2, Second).Encode();

    [Fact]
    public void DETACH_from_another_domain_may_or_may_not_have_detached()
    {
        foreach (var detached in new[] { false, true })
        {
            var bench = new Bench().Having(Attach(1, First));
            Assert.False(bench.Says(new DetachRequest(2, First), RequestStatus.Inval).IsDeviation);
            Assert.True(bench.Oracle.IsUncertain);
            Assert.False(bench.Says(Map(1, 0x1000, 0x1fff), detached ? RequestStatus.NoEnt : RequestStatus.Ok).IsDeviation);
            Assert.False(bench.Oracle.IsUncertain);
            Assert.Equal(!detached, bench.Allowed(Map(1, 0x1000, 0x1fff)).HasFlag(Answers.Inval));
        }
    }

    [Fact]
    public void UNMAP_with_reserved_bytes_may_or_may_not_have_unmapped()
    {
        foreach (var unmapped in new[] { false, true })
        {
            var bench = new Bench().Having(Attach(1, First), Map(1, 0x1000, 0x1fff));
            Assert.False(bench.Says(new UnmapRequest(1, 0x1000, 0x1fff) { Reserved = 1 }, RequestStatus.Inval).IsDeviation);
            Assert.False(bench.Reaches(First, 0x1000, isWrite: true, unmapped ? null : Ram).IsDeviation);
            Assert.False(bench.Oracle.IsUncertain);
            Assert.Equal(unmapped, bench.Reaches(First, 0x1fff, isWrite: true, Ram + 0xfff).IsDeviation);
        }
    }

    [Fact]
    public void A_refused_move_may_or_may_not_have_detached()
    {
        var bench = new Bench().Having(Attach(1, First), Attach(2, Second));
        Assert.False(bench.Says(Attach(2, First, AttachRequest.BypassFlag), RequestStatus.Inval).IsDeviation);
        Assert.Equal(Answers.Ok | Answers.NoEnt | Answers.Exhausted, bench.Allowed(Map(1, 0x1000, 0x1fff)));
    }

    [Fact]
    public void Attaching_again_may_or_may_not_have_emptied_the_domain()
    {
        var bench = new Bench().Having(Attach(1, First), Map(1, 0x1000, 0x1fff));
        Assert.False(bench.Says(Attach(1, First), RequestStatus.Ok).IsDeviation);
        Assert.Equal(Answers.Ok | Answers.Inval | Answers.Exhausted, bench.Allowed(Map(1, 0x1000, 0x1fff)));
    }

    [Fact]
    public void Attaching_again_does_not_empty_a_domain_that_another_endpoint_is_in()
    {
        var bench = new Bench().Having(Attach(1, First), Attach(1, Second), Map(1, 0x1000, 0x1fff));
        Assert.False(bench.Says(Attach(1, First), RequestStatus.Ok).IsDeviation);
        Assert.False(bench.Oracle.IsUncertain);
    }

    [Fact]
    public void Attaching_again_with_another_flag_may_have_made_a_domain_of_another_kind()
    {
        var bench = new Bench().Having(Attach(1, First));
        Assert.False(bench.Says(Attach(1, First, AttachRequest.BypassFlag), RequestStatus.Ok).IsDeviation);
        Assert.Equal(Answers.Ok | Answers.Inval | Answers.Exhausted, bench.Allowed(Map(1, 0x1000, 0x1fff)));
    }

    [Fact]
    public void A_flag_without_its_feature_may_or_may_not_have_been_looked_at()
    {
        var bench = new Bench(Features.MapUnmap | Features.Probe);
        Assert.False(bench.Says(Attach(1, First, AttachRequest.BypassFlag), RequestStatus.Ok).IsDeviation);
        Assert.False(bench.Says(Map(1, 0x1000, 0x1fff), RequestStatus.Inval).IsDeviation);
        Assert.False(bench.Oracle.IsUncertain);
    }

    [Fact]
    public void What_fits_no_world_is_charged_to_the_weakest_clause()
    {
        // If the endpoint is still attached, this is a move, which a MUST has refused with UNSUPP only; if not, no MUST says how.
        var bench = new Bench().Having(Attach(1, First));
        bench.Says(new DetachRequest(2, First), RequestStatus.Inval);
        Assert.Equal(new Judgement(JudgementKind.Answer, OracleClause.OpsD01, Answers.Range), bench.Says(Attach(2, First), RequestStatus.Range));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Probing_ends_with_one_world(bool done)
    {
        // Whatever may be open, asking as often as the oracle has a question ends it; the device here did all of it, or none.
        var device = new Bench().Having(Attach(1, First), Map(1, 0x1000, 0x1fff), Attach(2, Second), Map(2, 0x1000, 0x1fff));
        device.Says(new DetachRequest(2, First), RequestStatus.Inval);
        device.Says(new UnmapRequest(2, 0x1000, 0x1fff) { Reserved = 1 }, RequestStatus.Inval);
        device.Says(Attach(2, Second), RequestStatus.Ok);
        Assert.True(device.Oracle.IsUncertain);
        for (var asked = 0; device.Oracle.TryFindProbe(out var probe); asked++)
        {
            Assert.True(asked < 8, "the oracle goes on asking");
            var answer = probe switch
            {
                UnmapRequest { Domain: 1 } => done ? RequestStatus.NoEnt : RequestStatus.Ok,
                MapRequest { Domain: 2 } => done ? RequestStatus.Ok : RequestStatus.Inval,
                DetachRequest => done ? RequestStatus.Inval : RequestStatus.Ok,
                _ => throw new InvalidOperationException($"nobody foresaw {probe}"),
            };
            Assert.False(device.Says(probe, answer).IsDeviation, $"{probe}: {answer}");
        }
        Assert.False(device.Oracle.IsUncertain);
    }

    [Fact]
    public void Judging_does_not_allocate()
    {
        var bench = new Bench().Having(Attach(1, First), Attach(2, Second));
        var (map, unmap, wrong) = (Map(1, 0x1000, 0x1fff).Encode(), new UnmapRequest(1, 0x1000, 0x1fff).Encode(), new DetachRequest(1, Second).Encode());
        var before = 0L;
        for (var round = 0; round < 1000; round++)
        {
            // The first rounds are the compiler's.
            if (round == 500) before = GC.GetAllocatedBytesForCurrentThread();
            Answer(map, 0);
            bench.Oracle.JudgeAccess(First, 0x1000, true, [Ram, Ram + 1]);
            Answer(unmap, 0);
            Answer(wrong, 4);
            bench.Oracle.JudgeAccess(Second, 0x1000, true, [SpecOracle.Nowhere]);
            Answer(map, 6);
            bench.Oracle.Start(bench.Oracle.Facts, bypass: false);
            Answer(Attached, 0);
            Answer(AlsoAttached, 0);
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Answer(byte[] request, byte status) => bench.Oracle.Judge(new RequestView(request, 4), new AnswerView([status, 0, 0, 0], 4));
    }

    [Fact]
    public void Too_many_choices_end_in_not_knowing_until_a_reset()
    {
        var bench = new Bench().Having(Attach(1, First));
        for (var page = 1UL; page <= 6; page++) bench.Says(Map(1, page << 12, (page << 12) + 0xfff), RequestStatus.Ok);
        for (var page = 1UL; page <= 6; page++) bench.Says(new UnmapRequest(1, page << 12, (page << 12) + 0xfff) { Reserved = 1 }, RequestStatus.Inval);
        Assert.True(bench.Oracle.IsLost);
        Assert.Equal(JudgementKind.Unjudged, bench.Says(Map(1, 0x1000, 0x1fff, flags: 8), RequestStatus.Ok).Kind);
        bench.Oracle.Start(bench.Oracle.Facts, bypass: false);
        Assert.Equal(OracleClause.MapD04, bench.Says(Map(1, 0x1000, 0x1fff), RequestStatus.Ok).Clause);
    }
}
