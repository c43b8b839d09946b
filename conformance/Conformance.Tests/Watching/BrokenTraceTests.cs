using System.IO.Compression;
using System.Text;
using Viommu.Conformance.Watching.Traces;

namespace Viommu.Conformance.Tests.Watching;

/// <summary>A trace that is not what it has to be is named with file and line.</summary>
public sealed class BrokenTraceTests : IDisposable
{
    private const string Record = """{"t": 1.5, "op": "rd", "region": 0, "off": 20, "data": "00"}""";
    private const string Event = "virtio_iommu_device_status driver status = 0";

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("traces-");

    [Theory]
    [InlineData("{", "not a JSON object")]
    [InlineData("[]", "a record is a JSON object, not []")]
    [InlineData("nonsense", "not a JSON object")]
    [InlineData("""{"region": 0}""", "there is no field 'op'")]
    [InlineData("""{"op": 5}""", "field 'op' has to be a string")]
    [InlineData("""{"op": "jump"}""", "unknown op 'jump'")]
    [InlineData("""{"op": "rd", "off": 0, "data": "00"}""", "there is no field 'region'")]
    [InlineData("""{"op": "rd", "region": -1, "off": 0, "data": "00"}""", "field 'region' has to be a whole number")]
    [InlineData("""{"op": "rd", "region": 0, "off": 1e99, "data": "00"}""", "field 'off' has to be a whole number")]
    [InlineData("""{"op": "rd", "region": 0, "off": 0, "data": "0"}""", "bytes of two hexadecimal digits")]
    [InlineData("""{"op": "rd", "region": 0, "off": 0, "data": "zz"}""", "bytes of two hexadecimal digits")]
    [InlineData("""{"op": "wr", "region": 0, "off": 0, "data": "000000000000000000"}""", "field 'data' has to be 1 to 8 bytes")]
    [InlineData("""{"op": "wr", "region": 0, "off": 0, "data": ""}""", "field 'data' has to be 1 to 8 bytes")]
    [InlineData("""{"op": "rd", "region": 7, "off": 4095, "data": "0000"}""", "not all configuration space")]
    [InlineData("""{"op": "req", "q": 0, "head": 70000, "indirect": 0, "out": [], "inp": [], "req": "", "used_len": 0, "tail": ""}""", "field 'head' has to be a whole number from 0 to 65535")]
    [InlineData("""{"op": "req", "q": 0, "head": 0, "indirect": 2, "out": [], "inp": [], "req": "", "used_len": 0, "tail": ""}""", "field 'indirect' has to be 0 or 1")]
    [InlineData("""{"op": "req", "q": 0, "head": 0, "indirect": 0, "out": "no", "inp": [], "req": "", "used_len": 0, "tail": ""}""", "field 'out' has to be a list of numbers")]
    [InlineData("""{"op": "req", "q": 0, "head": 0, "indirect": 0, "out": [4], "inp": [4], "req": "0500", "used_len": 0, "tail": ""}""", "field 'req' has 2 bytes, and 'out' says 4")]
    [InlineData("""{"op": "req", "q": 0, "head": 0, "indirect": 0, "out": [], "inp": [4], "req": "", "used_len": 4, "tail": "0000000000"}""", "field 'tail' has to be 0 to 4 bytes")]
    public void A_record_that_is_none_is_named(string line, string problem) => AssertNamed([Record, "", line], 3, problem);

    [Theory]
    [InlineData("virtio_iommu_device_status driver status = ", "no number behind 'driver status='")]
    [InlineData("virtio_iommu_device_status", "without 'driver status='")]
    [InlineData("virtio_iommu_device_status driver status = 256", "a 'driver status' of more than 8 bits")]
    [InlineData("virtio_iommu_attach domain=1", "virtio_iommu_attach without 'endpoint='")]
    [InlineData("virtio_iommu_attach domain=4294967296 endpoint=1", "no number of 32 bits")]
    [InlineData("virtio_iommu_map domain=1 virt_start=0x1g virt_end=0x2 phys_start=0x0 flags=1", "no number behind 'virt_start='")]
    [InlineData("virtio_iommu_map domain=1 virt_start=0x10000000000000000 virt_end=0x2 phys_start=0x0 flags=1", "no number of 64 bits")]
    [InlineData("virtio_iommu_unmap domain=1 virt_start=0x0", "virtio_iommu_unmap without 'virt_end='")]
    public void An_event_that_is_none_is_named(string line, string problem) => AssertNamed([Event, line], 2, problem);

    [Fact]
    public void A_file_without_a_trace_is_named() => AssertNamed(["hello", "world"], 2, "without a single line of a trace");

    [Fact]
    public void An_empty_file_is_named() => Assert.EndsWith("empty.log: the file is empty", Complaint(Write("empty.log", "")), StringComparison.Ordinal);

    [Fact]
    public void A_missing_file_is_named() => Assert.Contains("nowhere.log: cannot be read", Complaint(Path.Combine(folder.FullName, "nowhere.log")), StringComparison.Ordinal);

    [Fact]
    public void A_line_without_end_does_not_fill_memory() => AssertNamed([Record, $"{{\"op\": \"{new string('x', 1 << 21)}\"}}"], 2, "the line has more than");

    [Fact]
    public void A_gzip_file_that_is_cut_off_is_named()
    {
        var whole = new MemoryStream();
        using (var gzip = new GZipStream(whole, CompressionLevel.Fastest, leaveOpen: true))
        {
            var random = new Random(1);
            for (var i = 0; i < 2000; i++) gzip.Write(Encoding.UTF8.GetBytes($"{{\"op\": \"rd\", \"region\": 0, \"off\": {random.Next(60000)}, \"data\": \"00\"}}\n"));
        }
        var path = Path.Combine(folder.FullName, "cut.jsonl.gz");
        File.WriteAllBytes(path, whole.ToArray()[..((int)whole.Length / 2)]);

        Assert.Matches(@"cut\.jsonl\.gz:\d+: ", Complaint(path));
    }

    public void Dispose() => folder.Delete(recursive: true);

    private void AssertNamed(string[] lines, int line, string problem)
    {
        var complaint = Complaint(Write("broken.trace", string.Join('\n', lines) + "\n"));
        Assert.Contains($"broken.trace:{line}: ", complaint, StringComparison.Ordinal);
        Assert.Contains(problem, complaint, StringComparison.Ordinal);
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }

    private static string Complaint(string path) => Assert.Throws<TraceFormatException>(() => TraceFile.Replay(path, _ => { })).Message;
}
