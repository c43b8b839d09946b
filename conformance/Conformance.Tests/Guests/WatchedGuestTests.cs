using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Tests.Program;
using Viommu.Conformance.Tests.Watching;

namespace Viommu.Conformance.Tests.Guests;

/// <summary>A Linux that nobody has changed, whose virtio-iommu is the reference device of this process.</summary>
public sealed class WatchedGuestTests
{
    [SkippableTheory]
    [InlineData("model", "iommu.strict=1", "SPLIT-FRAMING-V-01", "SPLIT-INDIRECT-V-02")]
    [InlineData("model,ring=packed", "iommu.strict=0", "PACKED-SG-V-03", "PACKED-INDIRECT-V-02")]
    public void Linux_works_on_the_reference_device_and_keeps_the_rules(string target, string append, params string[] ringRules)
    {
        using var cli = Cli();

        int exit = cli.Run("watch", "--guest", InstalledGuest.Folder(), "--qemu", InstalledGuest.Qemu(), "--target", target, "--append", append, "--limit", "900");

        Assert.True(exit == 0, cli.Output + cli.Error);
        foreach (string step in (string[])["boot", "read", "write", "rebind:3", "identity"]) Assert.Contains($"PASS    guest  The guest does '{step}'", cli.Output, StringComparison.Ordinal);
        string[] kept =
        [
            "CORE-INIT-V-01", "CORE-FEAT-V-01", "IOMMU-PROBE-V-01", "IOMMU-ATTACH-V-01", "IOMMU-DETACH-V-01", "IOMMU-MAP-V-03", "IOMMU-UNMAP-V-02", "IOMMU-RESV-V-01",
            .. ringRules,
        ];
        Assert.All(kept, clause => Assert.Contains($"PASS    {clause}", cli.Output, StringComparison.Ordinal));
        Assert.Contains("Linux version ", cli.Report("console.txt"), StringComparison.Ordinal);
        Assert.Contains("guest.rebind-3", cli.Report("junit.xml"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_a_guest_is_said_to_have_none()
    {
        using var cli = Cli();

        Assert.Equal(2, cli.Run("watch", "--guest", cli.PathOf("guest")));

        Assert.Contains("conformance/guests/linux.sh makes it", cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model,transport=mmio")]
    [InlineData("qemu")]
    public void A_guest_drives_the_reference_device_over_PCI(string target)
    {
        using var cli = Cli();

        Assert.Equal(3, cli.Run("watch", "--guest", "guest", "--target", target));

        Assert.Contains("--guest", cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--limit is for --guest", "--limit", "60")]
    [InlineData("--do is for --guest", "--do", "read")]
    [InlineData("--limit 5:", "--guest", "guest", "--limit", "5")]
    [InlineData("'raed' is no step", "--guest", "guest", "--do", "read,raed")]
    [InlineData("'read write' is no step", "--guest", "guest", "--do", "read write")]
    [InlineData("--guest is watched by itself", "--guest", "guest", "--export", "scripts")]
    [InlineData("--guest is watched by itself", "--guest", "guest", "trace.jsonl")]
    public void What_means_nothing_is_refused(string complaint, params string[] args)
    {
        using var cli = Cli();

        Assert.Equal(3, cli.Run(["watch", .. args]));

        Assert.Contains(complaint, cli.Error, StringComparison.Ordinal);
    }

    private static CliRun Cli() => new() { Width = 1000, Rules = Watch.Rules, Catalogue = ClauseCatalogue.Load() };
}
