using System.Text.Json;
using Viommu.Conformance.Tests.Guests;
using Viommu.Fuzz.Tests.Program;

namespace Viommu.Fuzz.Tests.Guests;

/// <summary>A Linux that nobody has changed, on a device that lies.</summary>
public class GuestCommandTests
{
    private static readonly string Known = Path.Combine(AppContext.BaseDirectory, "Guests", "linux-6.12.yaml");

    [SkippableFact]
    public void A_lie_that_a_driver_stumbles_over_is_found()
    {
        using var run = new FuzzRun();
        // From the 25th to the 43rd request Linux 6.12 sends MAPs alone.
        string lies = Write(run, "nomem.lies", "viommu-lies 1\nsteps stir:2\n34 status 08\n35 status 08\n36 status 08\n37 status 08\n38 status 08\n39 status 08\n");

        Assert.Equal(1, run.Run(["guest", InstalledGuest.Folder(), lies, "--qemu", InstalledGuest.Qemu(), .. Patience(stepSeconds: 120)]));

        Assert.Contains("FOUND IOMMU-UNMAP-V-02||IOMMU-UNMAP-V-02.an-unmap-covers-contiguous-mappings|", run.Output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void What_is_known_does_not_end_a_campaign()
    {
        using var run = new FuzzRun();

        // Its stirring lasts as long as it may.
        int exit = run.Run(
            ["guest", InstalledGuest.Folder(), "--qemu", InstalledGuest.Qemu(), "--boots", "1", "--seed", "1", "--no-minimize", "--expect", Known, "--report", run.PathOf("report"), .. Patience(stepSeconds: 30)]);

        Assert.True(exit == 0, run.Output + run.Error);
        Assert.Contains("boot 0: ", run.Output, StringComparison.Ordinal);
        using var statistics = JsonDocument.Parse(File.ReadLines(run.PathOf("report/stats.ndjson")).Single());

        // A guest that does not stir hears few of the lies.
        Assert.InRange(statistics.RootElement.GetProperty("requests").GetInt32(), 1000, int.MaxValue);
        Assert.InRange(statistics.RootElement.GetProperty("lies").GetInt32(), 10, int.MaxValue);
    }

    [Fact]
    public void A_folder_without_a_guest_is_said_to_have_none()
    {
        using var run = new FuzzRun();

        Assert.Equal(2, run.Run("guest", run.Folder, "--boots", "1", "--report", run.PathOf("report")));

        Assert.Contains("conformance/guests/linux.sh makes it", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_holds_no_lies_is_refused_before_anything_is_booted()
    {
        using var run = new FuzzRun();

        Assert.Equal(2, run.Run("guest", run.Folder, Write(run, "no.lies", "the truth")));

        Assert.Contains("no.lies:1: it begins with 'viommu-lies 1'", run.Error, StringComparison.Ordinal);
    }

    // What a machine needs that does other things as well.
    private static string[] Patience(int stepSeconds) => ["--append", $"viommu.limit={stepSeconds}", "--limit", "900"];

    private static string Write(FuzzRun run, string name, string text)
    {
        File.WriteAllText(run.PathOf(name), text);
        return run.PathOf(name);
    }
}
