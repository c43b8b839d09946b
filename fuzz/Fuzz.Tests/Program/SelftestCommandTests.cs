using System.Text.Json;

namespace Viommu.Fuzz.Tests.Program;

public sealed class SelftestCommandTests : IDisposable
{
    private readonly FuzzRun _fuzz = new();

    public void Dispose() => _fuzz.Dispose();

    [Fact]
    public void A_broken_device_is_found_by_each_seed_without_a_target_and_told_to_people_and_programs()
    {
        string table = _fuzz.PathOf("table.md");
        Assert.Equal(0, _fuzz.Run("selftest", "--only", "maps one granule too far", "--time", "120", "--seeds", "3", "-o", table));
        Assert.Contains("1 of 1 broken devices found", _fuzz.Output);
        Assert.Contains("| maps one granule too far | DESC-IOMMU-13.addresses-next-to-* | 3 of 3 |", File.ReadAllText(table));
        Assert.Contains("| IOMMU | 1 | 1 |", File.ReadAllText(table));
        var row = JsonDocument.Parse(Assert.Single(File.ReadAllLines(table + ".ndjson"))).RootElement;
        Assert.True(row.GetProperty("found").GetBoolean());
        Assert.Equal(3, row.GetProperty("seeds").GetArrayLength());
        Assert.Contains("sequence", row.GetProperty("targets").EnumerateArray().Select(target => target.GetString()));
    }

    [Fact]
    public void A_device_that_breaks_nothing_that_campaigns_judge_is_not_found()
    {
        // Firmware tells it, and no campaign reads that.
        Assert.Equal(1, _fuzz.Run("selftest", "--only", "is described with an endpoint ID", "--time", "2", "--seeds", "1"));
        Assert.Contains("0 of 1 broken devices found", _fuzz.Output);
    }

    [Fact]
    public void Devices_that_there_are_not_are_no_proof()
    {
        Assert.Equal(3, _fuzz.Run("selftest", "--only", "zzzz"));
        Assert.Equal("fuzz: --only: no broken device has 'zzzz' in its name, or in a clause that it breaks; 'fuzz list --devices' shows them\n", _fuzz.Error);
    }

    [Fact]
    public void What_is_interrupted_says_so_and_how_long_was_looked()
    {
        using var fuzz = new FuzzRun { IsInterrupted = true };
        Assert.Equal(2, fuzz.Run("selftest", "--only", "IOMMU-UNMAP-D-03", "--time", "5", "--seeds", "1"));
        Assert.Matches("^interrupted: ([1-9][0-9]*) of \\1 broken devices are not tried\n0 of 0 broken devices found, 0 within 5 s\n$", fuzz.Output);
    }

    [Theory]
    [InlineData("lifecycle", "is live from FEATURES_OK on", "nothing-is-used-before-driver-ok")]
    [InlineData("lifecycle", "goes on counting used buffers after a reset", "a-system-reset-leaves-nothing")]
    [InlineData("split-ring", "counts no byte of a plain answer", "rings-do-not-change-answers")]
    [InlineData("transport-mmio", "has Version 3 while it runs", "identity-stays")]
    public void What_intercepts_registers_is_found_through_them(string target, string device, string rule)
    {
        Assert.Equal(1, _fuzz.Run("run", target, "--device", $"broken:{device}", "--runs", "20000", "--seed", "3", "--report", _fuzz.Folder));
        Assert.Contains($"FOUND {rule}|", _fuzz.Output);
    }

    [Fact]
    public void A_target_that_does_not_reach_those_registers_is_refused_and_others_are_named()
    {
        Assert.Equal(3, _fuzz.Run("run", "request", "--device", "broken:has Version 3 while it runs", "--report", _fuzz.Folder));
        Assert.Contains("try sequence, split-ring, queues, transport-mmio, lifecycle", _fuzz.Error);
    }
}
