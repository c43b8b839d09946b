using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Devices;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Tests.Devices;

/// <summary>What a campaign on a real device leaves out of programs, and what it tells its other jobs.</summary>
public sealed class FatalSequencesTests
{
    private static readonly RequestClass _shortProbe = new(RequestLayout.Probe, RequestShape.Whole, Framing.Plain, IsShortProbe: true, RangeKind.None);
    private static readonly RequestClass _invertedMap = new(RequestLayout.Map, RequestShape.Whole, Framing.Plain, IsShortProbe: false, RangeKind.Inverted);
    private static readonly RequestClass _unmap = new(RequestLayout.Unmap, RequestShape.Whole, Framing.Plain, IsShortProbe: false, RangeKind.Plain);

    private readonly FatalSequences _sequences = new();

    [Fact]
    public void A_request_that_ends_the_device_by_itself_is_known_by_its_framing_too()
    {
        Assert.True(_sequences.TryAdd([_shortProbe]));
        Assert.False(_sequences.TryAdd([_shortProbe]));
        Assert.True(_sequences.Complete(_shortProbe));
        Assert.False(_sequences.Complete(_shortProbe with { Framing = Framing.Indirect }));
        Assert.True(_sequences.HaveLike(_shortProbe with { Framing = Framing.Indirect }));
        Assert.False(_sequences.HaveLike(_unmap));
        Assert.Equal(1, _sequences.All[0].Avoided);
    }

    [Fact]
    public void Of_a_sequence_only_the_order_counts_and_not_how_it_was_sent()
    {
        Assert.True(_sequences.TryAdd([_invertedMap, _unmap]));
        Assert.False(_sequences.TryAdd([_invertedMap with { Framing = Framing.SplitReadable }, _unmap with { Shape = RequestShape.LongReadable }]));
        Assert.False(_sequences.Complete(_unmap));
        Assert.False(_sequences.Complete(_invertedMap with { Shape = RequestShape.LongWritable }));
        Assert.False(_sequences.Complete(_shortProbe));
        Assert.True(_sequences.Complete(_unmap with { Framing = Framing.Indirect }));
        _sequences.Restart();
        Assert.False(_sequences.Complete(_unmap));
    }

    [Fact]
    public void What_is_odd_is_to_blame()
    {
        Assert.Equal([_shortProbe], FatalSequences.Blame([_invertedMap, _unmap, _shortProbe]));
        Assert.Equal([_invertedMap, _unmap], FatalSequences.Blame([_unmap, _invertedMap, _invertedMap with { Framing = Framing.Indirect }, _unmap]));
    }

    [Fact]
    public void What_one_job_learns_every_job_knows_with_its_next_program()
    {
        var lessons = new DeviceLessons();
        var (one, other) = (new DeviceKnowledge(lessons), new DeviceKnowledge(lessons));
        var key = new FindingKey("IOMMU-PROBE-D-09", "", "", "probe ends the process");
        Assert.True(one.TryClaim(key));
        Assert.False(other.TryClaim(key));
        Assert.True(one.Settle(key, [_shortProbe]));
        one.Release(key);
        Assert.False(other.IsFatal(_shortProbe));
        other.Begin();
        Assert.True(other.IsFatal(_shortProbe));
        Assert.True(other.IsSettled(key));
        Assert.False(other.Settle(key, [_shortProbe]));
        Assert.Equal(1, lessons.Count);
    }
}
