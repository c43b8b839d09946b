using System.Xml.Linq;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Tests.Program;

/// <summary>What runs inputs that are there stops when the user wants it to, keeps what it has, and is not taken for a whole run.</summary>
public sealed class InterruptedTests
{
    private const string Broken = "broken:answers UNMAP on a missing domain with OK";
    private const string MissingDomain = "viommu-script 1\nunmap domain=7 virt=0x1000..0x1fff\n";

    [Fact]
    public void Regress_stops_between_two_inputs_and_reports_those_that_it_has_run()
    {
        using var fuzz = new FuzzRun { InterruptedAt = "FOUND" };
        string sequence = Directory.CreateDirectory(fuzz.PathOf("sequence")).FullName;
        foreach (var name in (string[])["a", "b", "c"]) File.WriteAllText(Path.Combine(sequence, $"{name}.viommu"), MissingDomain);
        Assert.Equal(2, fuzz.Run("regress", sequence, "--device", Broken, "--report", fuzz.PathOf("out")));
        Assert.Contains("interrupted: 2 of 3 inputs are not run\n1 inputs, 1 red\n", fuzz.Output);
        var cases = XDocument.Load(fuzz.PathOf("out/junit.xml")).Descendants("testcase").ToList();
        Assert.Equal(["failure", "error", "error"], cases.Select(test => test.Elements().Single().Name.LocalName));
    }

    [Fact]
    public void Coverage_stops_between_two_inputs_and_tells_what_is_reached_until_then()
    {
        using var fuzz = new FuzzRun { IsInterrupted = true };
        Assert.Equal(2, fuzz.Run("coverage", "request", "-o", fuzz.PathOf("coverage.html")));
        Assert.Matches(@"interrupted: ([1-9][0-9]*) of \1 inputs are not run, and not in these figures\n$", fuzz.Output);
        Assert.True(File.Exists(fuzz.PathOf("coverage.html")));
    }

    [Fact]
    public void Triage_stops_between_two_findings_and_writes_those_that_it_has_run()
    {
        using var fuzz = new FuzzRun { InterruptedAt = "again " };
        string findings = Directory.CreateDirectory(fuzz.PathOf("findings")).FullName;
        File.WriteAllText(Path.Combine(findings, "input.viommu"), MissingDomain);
        foreach (var name in (string[])["a", "b", "c"])
        {
            File.WriteAllText(Path.Combine(findings, $"{name}.json"), $$"""
                { "key": "{{name}}|||", "target": "sequence", "device": "model", "seed": 1, "message": "wrong", "details": "", "input": "input.viommu" }
                """);
        }

        Assert.Equal(2, fuzz.Run("triage", fuzz.Folder, "-o", fuzz.PathOf("list.md")));
        Assert.Contains("interrupted: 2 of 3 findings are not run again\n1 finding, 1 gone\n", fuzz.Output);
        Assert.Contains("a|||", File.ReadAllText(fuzz.PathOf("list.md")));
    }

    [Fact]
    public void An_input_in_a_process_of_its_own_is_not_waited_for()
    {
        using var fuzz = new FuzzRun();
        File.WriteAllText(fuzz.PathOf("input.viommu"), MissingDomain);
        Assert.Throws<OperationCanceledException>(() => Fuzz.Program.ChildReplay.Run(fuzz.PathOf("input.viommu"), TargetList.Find("sequence"), "model", new CancellationToken(canceled: true)));
    }
}
