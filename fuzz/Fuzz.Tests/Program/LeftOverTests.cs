using System.Xml.Linq;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Tests.Program;

/// <summary>What the process of the last campaign ended on: it is not forgotten before somebody has made sure of it.</summary>
public sealed class LeftOverTests : IDisposable
{
    private const string Broken = "broken:answers UNMAP on a missing domain with OK";

    private readonly FuzzRun _fuzz = new();

    public void Dispose() => _fuzz.Dispose();

    [Fact]
    public void Each_input_that_was_left_is_tried_and_what_is_broken_is_in_every_report()
    {
        LeaveNote(0, new MapRequest(1, 0x1000, 0x1fff, 0, 3).Encode());
        string broken = LeaveNote(1, new UnmapRequest(77, 0x1000, 0x1fff).Encode());
        Assert.Equal(1, _fuzz.Run("run", "request", "--device", Broken, "--runs", "0", "--report", _fuzz.Folder));
        Assert.Contains("FOUND IOMMU-UNMAP-D-03|", _fuzz.Output);
        Assert.Equal("1", (string?)XDocument.Load(_fuzz.PathOf("junit.xml")).Root!.Element("testsuite")!.Attribute("failures"));
        Assert.Contains("IOMMU-UNMAP-D-03", File.ReadAllText(_fuzz.PathOf("findings.sarif")));
        Assert.False(File.Exists(broken));
        Assert.DoesNotContain(Directory.GetFiles(_fuzz.PathOf("findings")), file => file.Contains("examined", StringComparison.Ordinal));
    }

    [Fact]
    public void What_cannot_be_written_as_a_finding_is_left_for_the_next_run()
    {
        byte[] request = new UnmapRequest(77, 0x1000, 0x1fff).Encode();
        string note = LeaveNote(0, request);
        string name = KeyOf(request).FileName;
        Directory.CreateDirectory(Path.Combine(_fuzz.PathOf("findings"), name + ".json"));
        Assert.Equal(2, _fuzz.Run("run", "request", "--device", Broken, "--runs", "0", "--report", _fuzz.Folder));
        Assert.StartsWith("fuzz: cannot write", _fuzz.Error);
        Assert.True(File.Exists(note));

        Directory.Delete(Path.Combine(_fuzz.PathOf("findings"), name + ".json"));
        Assert.Equal(1, _fuzz.Run("run", "request", "--device", Broken, "--runs", "0", "--report", _fuzz.Folder));
    }

    [Fact]
    public void Whoever_interrupts_loses_nothing()
    {
        using var interrupted = new FuzzRun { IsInterrupted = true };
        string note = LeaveNote(0, new UnmapRequest(77, 0x1000, 0x1fff).Encode());
        byte[] before = File.ReadAllBytes(note);
        interrupted.Run("run", "request", "--device", Broken, "--report", _fuzz.Folder);
        Assert.Equal(before, File.ReadAllBytes(note));
    }

    private static FindingKey KeyOf(byte[] request)
    {
        var target = TargetList.Find("request");
        using var executor = Fuzz.Program.Arguments.NewExecutor(target, Broken);
        return executor.Execute(RequestTarget.Encode(request, 4, Framing.Plain))!.Key;
    }

    // As a campaign has it while it runs an input: whether it does, the length, the input.
    private string LeaveNote(int job, byte[] request)
    {
        byte[] input = RequestTarget.Encode(request, 4, Framing.Plain);
        string path = _fuzz.PathOf($"inflight-{job}");
        File.WriteAllBytes(path, [.. BitConverter.GetBytes(1), .. BitConverter.GetBytes(input.Length), .. input]);
        return path;
    }
}
