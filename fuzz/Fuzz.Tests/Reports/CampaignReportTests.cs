using Viommu.Fuzz.Engine.Campaigns;
using Viommu.Fuzz.Reports;
using Viommu.Fuzz.Targets;
using Viommu.Fuzz.Tests.Engine;

namespace Viommu.Fuzz.Tests.Reports;

public sealed class CampaignReportTests : IDisposable
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"report-{Guid.NewGuid():N}");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_one_finding_meets_keeps_no_other_from_the_disk_and_both_are_told()
    {
        var campaign = CampaignTests.Run(new LockedDoor(2), runs: 50_000, keepGoing: true);
        using var report = new CampaignReport(_folder, TargetList.Find("transport-pci"), "model", 1, _ => null);
        Assert.Equal(2, campaign.Findings.Count);
        var first = campaign.Findings[0].Finding.Key;
        Directory.CreateDirectory(Path.Combine(report.FindingsFolder, first.FileName + ".json"));
        report.Tick(campaign);
        Assert.StartsWith("cannot write", report.Trouble);
        Assert.Equal([null, campaign.Findings[1].Finding.Key.FileName + ".bin"], report.Found.Select(found => Path.GetFileName(found.File)));
        Assert.True(File.Exists(report.Found.Last().File));

        Directory.Delete(Path.Combine(report.FindingsFolder, first.FileName + ".json"));
        report.Tick(campaign);
        Assert.Null(report.Trouble);
        Assert.All(report.Found, found => Assert.True(File.Exists(found.File)));
    }

    [Fact]
    public void A_shorter_input_takes_the_place_of_a_longer_one_and_never_the_other_way_round()
    {
        using var report = new CampaignReport(_folder, TargetList.Find("transport-pci"), "model", 1, _ => null);
        report.Write(Found("rule", 8));
        report.Write(Found("rule", 4));
        report.Write(Found("rule", 6));
        Assert.Equal(4, new FileInfo(Assert.Single(report.Found).File!).Length);
    }

    [Theory]
    [InlineData("model", true, 4)]
    [InlineData("model", false, 8)]
    [InlineData("qemu", true, 8)]
    public void What_an_earlier_run_has_found_on_the_same_device_and_is_still_there_keeps_its_place(string device, bool isThere, int length)
    {
        var earlier = Found("rule", 4);
        using (var report = new CampaignReport(_folder, TargetList.Find("transport-pci"), "model", 1, _ => null)) report.Write(earlier);
        using var next = new CampaignReport(_folder, TargetList.Find("transport-pci"), device, 1, _ => isThere ? earlier.Finding : null);
        Assert.Null(next.Write(Found("rule", 8)));
        Assert.Equal(length, new FileInfo(Assert.Single(next.Found).File!).Length);
        Assert.Equal(length, Assert.Single(next.Found).Length);
    }

    private static FoundInput Found(string rule, int length) => new(new(new(rule, "", "", ""), "what is broken", ""), new byte[length]);
}
