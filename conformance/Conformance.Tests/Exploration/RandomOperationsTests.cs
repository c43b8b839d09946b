using FsCheck;
using FsCheck.Fluent;
using Viommu.Conformance.Exploration;
using Viommu.Conformance.Oracle;
using Viommu.Conformance.Scripts;
using Viommu.Conformance.Selftest;
using Viommu.Conformance.Tests.Suite;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Tests.Exploration;

/// <summary>Device and oracle agree, whatever is sent; and where a device is wrong they do not.</summary>
public sealed class RandomOperationsTests
{
    private const int Length = 200;

    public static TheoryData<string> Configurations => [.. ModelConfiguration.All.Select(configuration => configuration.ToString())];

    public static TheoryData<string> LegalDevices => [.. LegalDeviceTests.Devices.Keys];

    // One of each way of being wrong; 'conformance selftest --random' tries them all.
    public static TheoryData<string, string> BrokenOnes => new()
    {
        { "answers UNMAP with a status of its own", "IOMMU-OPS-D-01" },
        { "answers unknown types with UNSUPP", "IOMMU-OPS-D-02" },
        { "leaves rubbish behind the status", "IOMMU-OPS-D-05" },
        { "lets endpoints without a domain through", "IOMMU-OPS-D-06" },
        { "writes a status where a tail does not fit", "DESC-IOMMU-02" },
        { "counts bytes it did not write as used", "SPLIT-USED-D-02" },
        { "restores bypass on device reset", "IOMMU-CFG-D-04" },
        { "keeps bypass over a system reset", "IOMMU-CFG-D-05" },
        { "shows whatever was written to bypass", "IOMMU-CFG-D-06" },
        { "maps addresses outside input_range", "DESC-IOMMU-04" },
        { "loses bypass accesses behind a page border", "DESC-IOMMU-06" },
        { "ignores the reserved bytes of ATTACH", "IOMMU-ATTACH-D-01" },
        { "ignores flags of ATTACH that it does not know", "IOMMU-ATTACH-D-02" },
        { "answers ATTACH of an unknown endpoint with INVAL", "IOMMU-ATTACH-D-03" },
        { "answers UNSUPP to a move", "IOMMU-ATTACH-D-07" },
        { "answers INVAL to a move", "IOMMU-ATTACH-D-09" },
        { "translates bypass domains by mappings", "DESC-IOMMU-11" },
        { "translates by the mappings of every domain", "DESC-IOMMU-10" },
        { "gives no status to DETACH from the wrong domain", "IOMMU-OPS-D-01" },
        { "answers DETACH of an unknown endpoint with INVAL", "IOMMU-DETACH-D-02" },
        { "rounds misaligned ranges", "IOMMU-MAP-D-01" },
        { "lets a mapping replace an equal one", "IOMMU-MAP-D-02" },
        { "ignores flags of MAP that it does not know", "IOMMU-MAP-D-03" },
        { "answers MAP on a missing domain with INVAL", "IOMMU-MAP-D-04" },
        { "takes mappings on bypass domains", "IOMMU-MAP-D-05" },
        { "makes every mapping writable", "IOMMU-MAP-D-06" },
        { "maps to the granule behind the one asked for", "DESC-IOMMU-13" },
        { "answers UNMAP on a missing domain with OK", "IOMMU-UNMAP-D-03" },
        { "answers splitting a mapping with INVAL", "IOMMU-UNMAP-D-05" },
        { "removes what it can before it finds a mapping to split", "IOMMU-UNMAP-D-06" },
        { "answers UNMAP of an empty range with NOENT", "IOMMU-UNMAP-D-07" },
        { "answers PROBE of an unknown endpoint with INVAL", "IOMMU-PROBE-D-02" },
        { "sets reserved bits in property headers", "IOMMU-PROBE-D-05" },
        { "leaves a gap between properties", "IOMMU-PROBE-D-07" },
        { "writes properties into an area that is too small", "IOMMU-PROBE-D-09" },
        { "leaves rubbish behind the property list", "IOMMU-PROBE-D-10" },
        { "presents regions that overlap", "IOMMU-RESV-D-03" },
        { "maps over the regions it presents", "DESC-IOMMU-15" },
        { "sets reserved fields of fault reports", "IOMMU-FAULT-D-01" },
        { "names another endpoint in fault reports", "IOMMU-FAULT-D-03" },
        { "keeps attachments over a device reset", "DESC-IOMMU-01" },
        { "reports an address next to the access", "IOMMU-FAULT-D-04" },
    };

    [Fact]
    public void A_thousand_sequences_of_two_hundred_operations_find_nothing_in_the_reference_device()
    {
        using var explorer = ExplorerOf(new ModelTargetSource());
        Prop.ForAll(ArbMap.Default.ArbFor<ulong>(), seed =>
        {
            // The finding is shrunk already: what is printed is the shortest script that shows it.
            var findings = explorer.RunOne(new RandomSource(seed));
            return findings.Count == 0 ? true : throw new InvalidOperationException($"\n{findings[0].Key}\n{findings[0].Script}");
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));

        // What is rejected from end to end, or never seen, would prove nothing.
        var tally = explorer.Tally;
        Assert.True(tally.Requests > 100_000 && tally.Accesses > 20_000, $"{tally.Requests} requests and {tally.Accesses} accesses");
        Assert.Equal(0, tally.TimesLost);
        OracleClause[] reasons =
        [
            OracleClause.OpsD01, OracleClause.OpsD02, OracleClause.DescIommu02, OracleClause.AttachD01, OracleClause.AttachD02, OracleClause.AttachD03,
            OracleClause.AttachD06, OracleClause.DetachD02, OracleClause.DetachD03, OracleClause.MapD01, OracleClause.MapD02, OracleClause.MapD03, OracleClause.MapD04,
            OracleClause.MapD05, OracleClause.ResvD04, OracleClause.DescIommu15, OracleClause.UnmapD01, OracleClause.UnmapD03, OracleClause.UnmapD04,
            OracleClause.UnmapD05, OracleClause.ProbeD02, OracleClause.ProbeD09,
        ];
        Assert.All(reasons, reason => Assert.True(tally.Kept.GetValueOrDefault(reason) > 10, $"{reason.Id()} was the reason {tally.Kept.GetValueOrDefault(reason)} times"));
    }

    [Theory]
    [MemberData(nameof(Configurations))]
    public void Nothing_is_found_on_any_transport_and_ring(string name)
    {
        var configuration = ModelConfiguration.All.Single(configuration => configuration.ToString() == name);
        var findings = Findings(new ModelTargetSource(configuration: configuration), 60);
        Assert.True(findings.Length == 0, findings);
    }

    [Theory]
    [MemberData(nameof(LegalDevices))]
    public void A_legal_device_is_not_accused(string name)
    {
        // Memory of so large pages takes long to look at.
        var sequences = name == "a granule of 2 MiB" ? 4 : 40;
        var findings = Findings(new ModelTargetSource(LegalDeviceTests.Devices[name]), sequences);
        Assert.True(findings.Length == 0, findings);
    }

    [Theory]
    [MemberData(nameof(BrokenOnes))]
    public void A_broken_device_is_found_for_what_it_does(string name, string clause)
    {
        var device = BrokenDevices.All.Single(device => device.Name == name);
        using var explorer = ExplorerOf(new ModelTargetSource(device.Variation, device.Configuration), sequences: 150);
        var finding = explorer.Run(_ => { }, CancellationToken.None).FirstOrDefault(finding => finding.Key.Clause == clause);

        Assert.True(finding is { Reproduced: true }, $"seen were {string.Join("; ", explorer.Tally.Seen.Keys)}");
        Assert.True(finding.Script.Operations.Count() <= 7, $"not made small:\n{finding.Script}");
        Assert.Equal(clause, finding.Script.Operations.Last().Seen!.Breaks);
    }

    [Fact]
    public void What_a_reset_leaves_is_not_charged_to_what_comes_next()
    {
        var device = BrokenDevices.All.Single(device => device.Name == "keeps attachments over a device reset");
        using var explorer = ExplorerOf(new ModelTargetSource(device.Variation, device.Configuration), sequences: 150);
        Assert.All(explorer.Run(_ => { }, CancellationToken.None), finding => Assert.Equal("DESC-IOMMU-01", finding.Key.Clause));
        Assert.NotEmpty(explorer.Tally.Seen);
    }

    [Fact]
    public void The_same_seed_finds_the_same()
    {
        var device = BrokenDevices.All.Single(device => device.Name == "removes what it can before it finds a mapping to split");
        var (one, other) = (Texts(), Texts());
        Assert.NotEmpty(one);
        Assert.Equal(one, other);

        List<string> Texts()
        {
            using var explorer = ExplorerOf(new ModelTargetSource(device.Variation), sequences: 30);
            return [.. explorer.Run(_ => { }, CancellationToken.None).Select(finding => $"{finding.Key} {finding.Script}")];
        }
    }

    [Fact]
    public void A_script_shows_on_a_device_that_is_wrong_and_not_on_one_that_is_right()
    {
        var device = BrokenDevices.All.Single(device => device.Name == "ignores the reserved bytes of ATTACH");
        var script = ScriptParser.Parse("script", "viommu-script 1\nattach domain=1 endpoint=ep0 reserved=0x1 => OK used=4 breaks IOMMU-ATTACH-D-01\n");
        using var wrong = new ScriptLab(new ModelTargetSource(device.Variation), TimeSpan.FromMinutes(2));
        using var right = new ScriptLab(new ModelTargetSource(), TimeSpan.FromMinutes(2));
        Assert.Equal("IOMMU-ATTACH-D-01", Assert.Single(wrong.Run(script)).Broken);
        Assert.Equal("", Assert.Single(right.Run(script)).Broken);
    }

    /// <summary>A byte that gets somewhere by itself tells which one it is: else the device would be charged with the loss of another.</summary>
    [Theory]
    [InlineData("0x1ff0 length=17")]
    [InlineData("0x1fe9 length=24")]
    [InlineData("0x1fff length=2")]
    [InlineData("0x1fff length=24")]
    public void An_access_that_is_cut_by_mappings_is_seen_in_all_its_places(string access)
    {
        var script = ScriptParser.Parse("script", $"""
            viommu-script 1
            attach domain=1 endpoint=ep0
            attach domain=2 endpoint=ep1
            map domain=1 virt=0x2000..0x2fff phys=ram+0x0 flags=W
            map domain=1 virt=0x0..0x1fff phys=ram+0x4000 flags=W
            map domain=2 virt=0x2000..0x2fff phys=ram+0x0 flags=W
            map domain=2 virt=0x0..0x1fff phys=ram+0x4000 flags=W
            dma ep0 write {access}
            dma ep1 write {access}
            """);
        using var lab = new ScriptLab(new ModelTargetSource(), TimeSpan.FromMinutes(2));
        Assert.All(lab.Run(script), step => Assert.Equal("", step.Broken));
    }

    private static string Findings(ModelTargetSource source, int sequences)
    {
        using var explorer = ExplorerOf(source, sequences);
        return string.Join('\n', explorer.Run(_ => { }, CancellationToken.None).Select(finding => $"{finding.Key}\n{finding.Script}\nexpected {finding.Step.Expected}"));
    }

    private static Explorer ExplorerOf(ModelTargetSource source, int sequences = 1) =>
        new(source, new ExplorationOptions(Seed: 1, sequences, Length, TimeSpan.FromMinutes(2)), TimeProvider.System);
}
