using System.Text.Json;
using Viommu.Fuzz.Reports;

namespace Viommu.Fuzz.Tests.Reports;

public class FindingFilesTests
{
    [Theory]
    [InlineData("IOMMU-ATTACH-D-01", "error")]
    [InlineData("IOMMU-UNMAP-D-06", "warning")]
    [InlineData("bounded-work", "error")]
    public void A_broken_SHOULD_is_a_warning_and_everything_else_an_error(string rule, string level) =>
        Assert.Equal(level, ResultOf(new(new(new(rule, "", "", ""), "what", ""), 1, "reports/findings/x.bin")).GetProperty("level").GetString());

    [Fact]
    public void A_place_is_named_as_from_the_working_directory()
    {
        var result = ResultOf(new(new(new("bounded-work", "", "", ""), "what", ""), 1, "reports/my run/findings/x.bin"));
        Assert.Equal("reports/my%20run/findings/x.bin", result.GetProperty("locations")[0].GetProperty("physicalLocation").GetProperty("artifactLocation").GetProperty("uri").GetString());
        Assert.Contains("fuzz replay --target sequence --device qemu 'reports/my run/findings/x.bin'", result.GetProperty("message").GetProperty("text").GetString());
    }

    [Fact]
    public void What_could_not_be_written_has_no_place()
    {
        var result = ResultOf(new(new(new("bounded-work", "", "", ""), "what", ""), 1, null));
        Assert.Empty(result.GetProperty("locations").EnumerateArray());
        Assert.Contains("could not be written", result.GetProperty("message").GetProperty("text").GetString());
    }

    private static JsonElement ResultOf(ReportedFinding found) =>
        JsonDocument.Parse(FindingFiles.Sarif(new("sequence", "qemu", 1, [found]))).RootElement.GetProperty("runs")[0].GetProperty("results")[0];
}
