using System.Text.Json;
using System.Xml.Linq;
using Mono.Cecil.Cil;
using Viommu.Fuzz.Expectations;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Tests.Program;

/// <summary>Devices that take the whole program with them: whatever becomes of it, the input is known.</summary>
public sealed class DeadlyDeviceTests : IDisposable
{
    private const byte Detach = 2;

    private readonly FuzzRun _fuzz = new();

    private string Program => _fuzz.PathOf("program");

    private string Reports => _fuzz.PathOf("reports");

    public void Dispose() => _fuzz.Dispose();

    [Fact]
    public void An_input_that_never_comes_back_is_reported_and_the_program_ends()
    {
        // Waiting burns no fuel: only the guard outside of the campaign's thread sees it.
        FuzzProcess.Install(Program, module =>
            [Instruction.Create(OpCodes.Ldc_I4_M1), Instruction.Create(OpCodes.Call, module.ImportReference(typeof(Thread).GetMethod(nameof(Thread.Sleep), [typeof(int)])))]);
        using var run = FuzzProcess.Start(Program, "run", "request", "--seed", "1", "--runs", "100000", "--report", Reports, "--annotate", "github", "--update-expectations", _fuzz.PathOf("found.yaml"));
        Assert.Equal(1, run.Wait());
        Assert.Contains("does not come back", run.Error);
        Assert.Equal(Detach, RequestOf("bounded-work|||hang")[0]);
        Assert.Contains("FOUND bounded-work|||hang", run.Output);
        Assert.Contains("::error title=fuzz request%3A bounded-work::", run.Output);
        Assert.Equal("bounded-work|||hang", Assert.Single(KnownFindingFile.Load(_fuzz.PathOf("found.yaml"))).Key.Pattern);
        RequireSummariesOf("bounded-work|||hang");
        Assert.False(File.Exists(InFlight), "what is a finding already is tried again by the next run");

        // That it is known does not make a whole campaign of one that was cut short.
        string known = _fuzz.PathOf("known.yaml");
        File.WriteAllText(known, "- key: \"bounded-work|||hang\"\n  reason: r\n  url: u\n");
        string updated = _fuzz.PathOf("updated.yaml");
        string again = _fuzz.PathOf("again");
        using var gate = FuzzProcess.Start(Program, "run", "request", "--seed", "1", "--runs", "100000", "--report", again, "--expect", known, "--update-expectations", updated);
        Assert.Equal(2, gate.Wait());
        Assert.Contains("KNOWN bounded-work|||hang: r (u)", gate.Output);
        Assert.Equal("bounded-work|||hang", Assert.Single(KnownFindingFile.Load(updated)).Key.Pattern);
    }

    [Fact]
    public void An_input_that_ends_the_process_is_reported_by_the_next_run_which_tries_it_in_another()
    {
        FuzzProcess.Install(Program, module =>
            [Instruction.Create(OpCodes.Ldstr, "the device gives up"), Instruction.Create(OpCodes.Call, module.ImportReference(typeof(Environment).GetMethod(nameof(Environment.FailFast), [typeof(string)])))]);
        using (var first = FuzzProcess.Start(Program, "run", "request", "--seed", "1", "--runs", "100000", "--report", Reports)) Assert.NotInRange(first.Wait(), 0, 3);
        Assert.False(Directory.Exists(Path.Combine(Reports, "findings")) && Directory.EnumerateFiles(Path.Combine(Reports, "findings")).Any());

        using var second = FuzzProcess.Start(Program, "run", "request", "--seed", "1", "--runs", "0", "--report", Reports);
        Assert.Equal(1, second.Wait());
        Assert.Contains("FOUND process-survives", second.Output);
        Assert.Equal(Detach, RequestOf("process-survives|||")[0]);
        RequireSummariesOf("process-survives|||");

        // Triage survives it as well.
        using var triage = FuzzProcess.Start(Program, "triage", Reports);
        Assert.Equal(1, triage.Wait());
        Assert.Contains("same", triage.Output);
    }

    [Fact]
    public void An_input_that_only_happened_to_run_when_the_process_was_killed_is_no_finding()
    {
        FuzzProcess.Install(Program, module => []);
        using (var run = FuzzProcess.Start(Program, "run", "request", "--seed", "1", "--report", Reports))
        {
            while (!run.HasExited && !IsInside()) Thread.Sleep(1);
            run.Kill();
        }

        MarkAsInside();
        using var next = FuzzProcess.Start(Program, "run", "request", "--seed", "1", "--runs", "1", "--report", Reports);
        Assert.Equal(0, next.Wait());
        Assert.DoesNotContain("FOUND", next.Output);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(Reports, "findings")));
    }

    private string InFlight => Path.Combine(Reports, "inflight-0");

    private bool IsInside() => File.Exists(InFlight) && File.ReadAllBytes(InFlight) is { Length: > 8 } note && BitConverter.ToInt32(note, 4) > 0;

    // The kill may have hit the moment between two inputs.
    private void MarkAsInside()
    {
        using var note = File.Open(InFlight, FileMode.Open, FileAccess.ReadWrite);
        note.WriteByte(1);
    }

    private void RequireSummariesOf(string key)
    {
        var suite = XDocument.Load(Path.Combine(Reports, "junit.xml")).Root!.Element("testsuite")!;
        Assert.Equal(key, (string?)Assert.Single(suite.Elements("testcase"), test => test.Element("failure") is not null).Attribute("name"));
        var results = JsonDocument.Parse(File.ReadAllText(Path.Combine(Reports, "findings.sarif"))).RootElement.GetProperty("runs")[0].GetProperty("results");
        Assert.Equal(key, Assert.Single(results.EnumerateArray()).GetProperty("partialFingerprints").GetProperty("findingKey/v1").GetString());
    }

    private byte[] RequestOf(string key)
    {
        string findings = Path.Combine(Reports, "findings");
        var record = Directory.EnumerateFiles(findings, "*.json").Select(file => JsonDocument.Parse(File.ReadAllText(file)).RootElement).Single(finding => finding.GetProperty("key").GetString() == key);
        string input = Path.Combine(findings, record.GetProperty("input").GetString()!);
        var (request, _, _) = RequestTarget.Decode(TargetList.Find("request").Format.FromFile(File.ReadAllBytes(input)));
        return request.ToArray();
    }
}
