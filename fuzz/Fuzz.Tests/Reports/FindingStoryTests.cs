using Viommu.Conformance.Selftest;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Reports;
using Viommu.Fuzz.Targets;
using Viommu.Fuzz.Transports;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Tests.Reports;

public class FindingStoryTests
{
    private static readonly byte[] _attach = SequenceSeeds.Request(new AttachRequest(1, TestBed.FirstEndpoint).Encode());
    private static readonly byte[] _map = SequenceSeeds.Request(new MapRequest(1, 0x1000, 0x1fff, TestBed.Ram, Requests.ReadWrite).Encode());

    [Fact]
    public void A_request_that_is_answered_wrongly_is_told_with_its_clause_its_step_and_what_was_allowed()
    {
        var story = StoryOf("sequence", "answers UNMAP on a missing domain with OK", SequenceSeeds.Program(_attach, _map, SequenceSeeds.Request(new UnmapRequest(7, 0x1000, 0x1fff).Encode()), _map), out var key);
        Assert.Equal("IOMMU-UNMAP-D-03", key.Rule);
        Assert.Equal("SHOULD", story.Level);
        Assert.Contains("S_NOENT", story.Sentence);
        Assert.Contains("\"UNMAP request\" (device-types/iommu/description.tex:", story.Place);
        Assert.Equal(3, story.Step);
        Assert.Equal("unmap domain=7 virt=0x1000..0x1fff", story.What);
        Assert.StartsWith("NOENT (IOMMU-UNMAP-D-03)", story.Allowed);
        Assert.Equal("OK used=4", story.Seen);
        Assert.Equal(5, story.Program.Count);
        Assert.Matches(@"^   2 map domain=1 virt=0x1000\.\.0x1fff phys=ram\+0x0 flags=RW +=> OK used=4$", story.Program[2]);
        Assert.Matches(@"^>  3 unmap .*=> OK used=4$", story.Program[3]);
        Assert.DoesNotContain("=>", story.Program[4]);

        string[] told = [.. story.Tell(key.Rule)];
        Assert.Equal($"clause   IOMMU-UNMAP-D-03 (SHOULD): {story.Sentence}", told[0]);
        Assert.Contains("step     3: unmap domain=7 virt=0x1000..0x1fff", told);
        Assert.Contains("Step 3: unmap domain=7 virt=0x1000..0x1fff. Allowed: NOENT", story.Summarize());
    }

    [Fact]
    public void An_access_is_told_with_where_it_may_get_and_where_it_got()
    {
        var story = StoryOf("sequence", "translates the first byte of an access only",
            SequenceSeeds.Program(_attach, _map, SequenceSeeds.Dma(TestBed.FirstEndpoint, 0x1fff, 16, isWrite: true)), out _);
        Assert.Equal(3, story.Step);
        Assert.Equal("dma ep0 write 0x1fff length=16", story.What);
        Assert.Matches(@"^1 byte reached ram\+0xfff \([A-Z0-9-]+\), 15 bytes refused \([A-Z0-9-]+\), or refused as a whole$", story.Allowed);
        Assert.Equal("reached ram+0xfff", story.Seen);
    }

    [Fact]
    public void A_fault_report_belongs_to_the_step_that_it_came_of()
    {
        var story = StoryOf("sequence", "sets reserved fields of fault reports", SequenceSeeds.Program(SequenceSeeds.Dma(TestBed.FirstEndpoint, 0x5000, 8, isWrite: false), _attach), out _);
        Assert.Equal(1, story.Step);
        Assert.Equal("a fault report", story.What);
        Assert.EndsWith(" used=24", story.Seen);
        Assert.Matches(@"^>  1 dma ep0 read 0x5000 length=8 +=> refused$", story.Program[1]);
        Assert.Contains(story.Program, line => line.TrimStart().StartsWith("a fault report ", StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_seen_at_the_end_is_no_step()
    {
        var story = StoryOf("sequence", "translates the first byte of an access only", SequenceSeeds.Program(_attach, _map), out _);
        Assert.Null(story.Step);
        Assert.StartsWith("at the end: endpoint 0x20 writes 2 bytes at 0x1fff", story.What);
        Assert.StartsWith(">    at the end: ", story.Program[^1]);
    }

    [Fact]
    public void A_single_request_is_told_by_its_fields()
    {
        var input = RequestTarget.Encode(new UnmapRequest(77, 0x1000, 0x1fff).Encode(), 4, default);
        var story = StoryOf("request", "answers UNMAP on a missing domain with OK", input, out _);
        Assert.Equal(1, story.Step);
        Assert.StartsWith("unmap ", story.What);
        Assert.Contains("domain=0x4d", story.What);
        Assert.StartsWith("NOENT (IOMMU-UNMAP-D-03)", story.Allowed);
        Assert.Equal("OK used=4", story.Seen);
        Assert.StartsWith("header ", story.Program[0]);
    }

    [Fact]
    public void Accesses_to_registers_are_told_by_their_fields_and_with_what_was_read()
    {
        var input = TransportTarget.Program(0, TransportTarget.Step(0, 4, 0, 0), TransportTarget.Step(0, 4, 0x14, 0));
        var story = FindingStory.Of(TargetList.Find("transport-mmio"), input, new("reads-have-their-width", "", "", ""), Told("transport-mmio", input, -1, out _));
        Assert.Matches(@"^   1 read width=0x4 .*=> reads 0x[0-9a-f]+$", story.Program[1]);
        Assert.Matches(@"^   2 read width=0x4 offset=0x14.*=> reads 0x[0-9a-f]+$", story.Program[2]);
        Assert.Empty(story.Sentence);
    }

    [Theory]
    [InlineData("split-ring", 0)]
    [InlineData("packed-ring", 0)]
    [InlineData("queues", 0)]
    [InlineData("transport-pci", 1)]
    [InlineData("transport-legacy", 1)]
    [InlineData("lifecycle", 0)]
    public void Every_target_of_steps_says_which_it_has_come_to(string name, int after)
    {
        var target = TargetList.Find(name);
        byte[] input = target.Seeds().First().Input;
        var story = Told(name, input, -1, out var finding);
        Assert.Null(finding);
        int steps = target.Shape.RecordsIn(input.Length);
        Assert.Equal([.. Enumerable.Range(0, steps).Select(step => (int?)step), .. Enumerable.Repeat<int?>(null, after)], story.Steps.Select(step => step.Index));
    }

    [Fact]
    public void An_input_that_was_not_run_for_it_is_shown_all_the_same()
    {
        var story = FindingStory.Of(TargetList.Find("sequence"), SequenceSeeds.Program(_attach, _map), FindingKey.Hang, null);
        Assert.Null(story.Step);
        Assert.Equal(["   1 attach domain=1 endpoint=ep0", "   2 map domain=1 virt=0x1000..0x1fff phys=ram+0x0 flags=RW"], story.Program.Skip(1));
        Assert.Equal("program", story.Tell(FindingKey.Hang.Rule).First());
    }

    private static FindingStory StoryOf(string target, string device, byte[] input, out FindingKey key)
    {
        var story = Told(target, input, Enumerable.Range(0, BrokenDevices.All.Count).Single(index => BrokenDevices.All[index].Name == device), out var finding);
        Assert.NotNull(finding);
        key = finding.Key;
        return FindingStory.Of(TargetList.Find(target), input, key, story);
    }

    private static Story Told(string target, byte[] input, int device, out Finding? finding)
    {
        using var executor = new TargetHost(TargetList.Find(target), device).Plain();
        executor.Observations.Story = new();
        finding = executor.Execute(input);
        return executor.Observations.Story;
    }
}
