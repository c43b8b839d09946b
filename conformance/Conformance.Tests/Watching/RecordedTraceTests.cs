using System.IO.Compression;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Tests.Watching;

/// <summary>Real Linux guests are accused of nothing, from whatever moment on they were recorded; a guest that breaks a rule is.</summary>
public class RecordedTraceTests
{
    public static TheoryData<string> Traces => [.. Directory.GetFiles(Watch.Traces).Select(path => Path.GetFileName(path)).Where(name => name != "README.md").Order()];

    [Theory]
    [MemberData(nameof(Traces))]
    public void A_real_guest_is_not_accused(string name)
    {
        var results = Watch.Trace(Path.Combine(Watch.Traces, name));

        Watch.AccusesNobody(results);
        Assert.Contains(results, result => result.Check.Clauses[0] == "CORE-STATUS-V-02" && result.Verdict == Verdict.Pass);
    }

    [Theory]
    [MemberData(nameof(Traces))]
    public void A_real_guest_is_not_accused_where_the_recording_begins_in_the_middle(string name)
    {
        var lines = ReadLines(Path.Combine(Watch.Traces, name));
        for (var first = 1; first < lines.Count; first += Math.Max(1, lines.Count / 40))
        {
            if (lines.Skip(first).Any(line => line.StartsWith('{') || line.Contains("virtio_iommu_", StringComparison.Ordinal))) Watch.AccusesNobody(Watch.Lines(lines.Skip(first)));
        }
    }

    [SkippableFact]
    public void No_guest_of_the_whole_recordings_is_accused()
    {
        Skip.IfNot(Directory.Exists(Watch.WholeTraces), "the whole recordings are not here");
        foreach (var path in Directory.GetFiles(Watch.WholeTraces, "*.gz")) Watch.AccusesNobody(Watch.Trace(path));
    }

    [Fact]
    public void Byte_exact_records_exercise_the_rules_of_initialisation_and_of_requests()
    {
        var kept = Watch.Trace(Path.Combine(Watch.Traces, "linux-6.12-vfio-user.jsonl.gz")).Where(result => result.Verdict == Verdict.Pass).Select(result => result.Check.Clauses[0]).ToHashSet();

        Assert.Superset(
            new HashSet<string>
            {
                "CORE-INIT-V-01", "CORE-INIT-V-07", "CORE-FEAT-V-01", "CORE-CFG-V-02", "CORE-RESET-V-01", "IOMMU-FEAT-V-01", "IOMMU-INIT-V-02", "IOMMU-OPS-V-01",
                "IOMMU-ATTACH-V-01", "IOMMU-DETACH-V-01", "IOMMU-MAP-V-01", "IOMMU-UNMAP-V-02", "IOMMU-UNMAP-V-04", "IOMMU-PROBE-V-01",
            },
            kept);
    }

    [Theory]
    [InlineData("\"off\": 20, \"data\": \"0b\"", "\"off\": 20, \"data\": \"08\"", "CORE-STATUS-V-01")]
    [InlineData("\"off\": 20, \"data\": \"0f\"", "\"off\": 20, \"data\": \"0e\"", "CORE-STATUS-V-02")]
    [InlineData("\"off\": 12, \"data\": \"01000000\"", "\"off\": 12, \"data\": \"03000000\"", "CORE-FEAT-V-01")]
    [InlineData("\"req\": \"03000000", "\"req\": \"03000100", "IOMMU-OPS-V-01")]
    [InlineData("\"inp\": [516]", "\"inp\": [512]", "IOMMU-PROBE-V-01")]
    [InlineData("ffefffff00000000", "ff9fffff00000000", "IOMMU-MAP-V-03")]
    public void A_byte_exact_record_that_breaks_a_rule_is_found(string kept, string broken, string clause)
    {
        var lines = ReadLines(Path.Combine(Watch.Traces, "linux-7.3-vfio-user.jsonl.gz")).Select(line => line.Replace(kept, broken, StringComparison.Ordinal)).ToList();
        AssertBroken(clause, lines);
    }

    [Theory]
    [InlineData("CORE-STATUS-V-02", "device_status driver status = 1", "device_status driver status = 3", "device_status driver status = 2")]
    [InlineData("IOMMU-MAP-V-01", "map domain=1 virt_start=0x1000 virt_end=0x1fff phys_start=0x0 flags=9")]
    [InlineData("IOMMU-MAP-V-03", "map domain=1 virt_start=0x1000 virt_end=0x1000 phys_start=0x0 flags=1")]
    [InlineData("IOMMU-UNMAP-V-04", "map domain=1 virt_start=0x1000 virt_end=0x2fff phys_start=0x0 flags=1", "unmap domain=1 virt_start=0x2000 virt_end=0x2fff")]
    [InlineData("IOMMU-UNMAP-V-05", "map domain=1 virt_start=0x1000 virt_end=0x2fff phys_start=0x0 flags=1", "unmap domain=1 virt_start=0x1000 virt_end=0x1fff")]
    [InlineData("IOMMU-UNMAP-V-02", "unmap domain=1 virt_start=0x1000 virt_end=0x1fff")]
    [InlineData("IOMMU-RESV-V-01", "fill_resv_property dev= 32, type=0 start=0x1000 end=0x1fff", "map domain=1 virt_start=0x0 virt_end=0x1fff phys_start=0x0 flags=1")]
    public void A_trace_event_that_breaks_a_rule_is_found(string clause, params string[] events) =>
        AssertBroken(clause, [.. new[] { "system_reset system reset!", "attach domain=1 endpoint=32" }.Concat(events).Select(e => $"virtio_iommu_{e}")]);

    [Fact]
    public void QEMU_that_takes_DRIVER_OK_away_by_itself_is_not_blamed_on_the_driver() => Watch.AccusesNobody(Watch.Lines(
        new[] { 0, 1, 3, 11, 15, 11, 15 }.Select(status => $"virtio_iommu_device_status driver status = {status}")));

    [Fact]
    public void A_domain_that_the_device_frees_has_lost_its_mappings() => Watch.AccusesNobody(Watch.Lines(new[]
    {
        "system_reset system reset!", "attach domain=1 endpoint=32", "map domain=1 virt_start=0x1000 virt_end=0x2fff phys_start=0x0 flags=1",
        "put_domain Free domain=1", "attach domain=1 endpoint=32", "map domain=1 virt_start=0x1000 virt_end=0x1fff phys_start=0x0 flags=1",
        "unmap domain=1 virt_start=0x1000 virt_end=0x1fff",
    }.Select(e => $"virtio_iommu_{e}")));

    [Fact]
    public void Stamps_and_the_words_of_others_do_not_disturb() => Watch.AccusesNobody(Watch.Lines(
    [
        "qemu-system-x86_64: warning: something",
        "4711@1700000000.123456:virtio_iommu_device_status driver status = 1",
        "4711@1700000000.123457:virtio_set_status vdev 0x55 val 1",
        "virtio_iommu_event_of_tomorrow with=words",
    ]));

    private static void AssertBroken(string clause, IReadOnlyList<string> lines) =>
        Assert.Contains(Watch.Lines(lines), result => result.Check.Clauses[0] == clause && result.Verdict is Verdict.Fail or Verdict.Warn);

    private static List<string> ReadLines(string path)
    {
        using var file = File.OpenRead(path);
        using var reader = new StreamReader(path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file);
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }
}
