using Viommu.Conformance.Watching.Guests;
using Viommu.Fuzz.Guests;

namespace Viommu.Fuzz.Tests.Guests;

public class GuestHarmTests
{
    private static readonly string[] Oops =
    [
        "virtio_iommu virtio0: page mask: 0xfffffffffffff000",
        "BUG: kernel NULL pointer dereference, address: 0000000000000018",
        "#PF: supervisor read access in kernel mode",
        "Oops: Oops: 0000 [#1] PREEMPT SMP NOPTI",
        "CPU: 0 UID: 0 PID: 1 Comm: init Not tainted 6.12.117+deb13-cloud-amd64 #1",
        "RIP: 0010:viommu_probe_endpoint+0x1d3/0x2b0 [virtio_iommu]",
        "Kernel panic - not syncing: Fatal exception",
    ];

    [Fact]
    public void An_oops_is_told_by_what_it_is_and_where()
    {
        var found = GuestHarm.Of(Course(Oops), []);

        Assert.Equal(
            ["guest-is-unharmed|BUG: kernel NULL pointer dereference|viommu_probe_endpoint|", "guest-is-unharmed|Oops: Oops|viommu_probe_endpoint|"],
            found.Select(finding => finding.Key.ToString()));
    }

    [Fact]
    public void It_is_the_same_finding_at_another_address_in_another_process()
    {
        string[] again = [.. Oops.Select(line => line.Replace("018", "0a0", StringComparison.Ordinal).Replace("PID: 1 ", "PID: 77 ", StringComparison.Ordinal).Replace("0x1d3", "0x1f7", StringComparison.Ordinal))];

        Assert.Equal(GuestHarm.Of(Course(Oops), []).Select(finding => finding.Key), GuestHarm.Of(Course(again), []).Select(finding => finding.Key));
    }

    [Fact]
    public void A_warning_is_told_by_the_function_that_warns() => Assert.Equal(
        "guest-is-unharmed|WARNING|__iommu_group_set_domain_nofail|",
        Assert.Single(GuestHarm.Of(Course("WARNING: CPU: 0 PID: 42 at drivers/iommu/iommu.c:121 foo+0x1/0x2", "RIP: 0010:__iommu_group_set_domain_nofail+0x10/0x20"), [])).Key.ToString());

    [Fact]
    public void A_panic_without_more_is_a_finding_as_well() => Assert.StartsWith(
        "guest-is-unharmed|Kernel panic - not syncing: VFS",
        Assert.Single(GuestHarm.Of(Course("Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)"), [])).Key.ToString(), StringComparison.Ordinal);

    [Fact]
    public void A_guest_that_does_not_end_is_a_finding() => Assert.Equal("guest-ends|||", Assert.Single(GuestHarm.Of(Course("viommu: boot ok") with { Ended = false }, [])).Key.ToString());

    [Fact]
    public void A_guest_that_complains_and_lives_is_none() =>
        Assert.Empty(GuestHarm.Of(Course("virtio_iommu virtio0: fault type 255 from EP 32 at 0x1000", "I/O error, dev vda, sector 0"), []));

    private static GuestCourse Course(params string[] console) => new([], LinuxHarm(console), console, Ended: true, Death: null);

    private static IReadOnlyList<string> LinuxHarm(string[] console) => [.. console.Where(Viommu.Guest.Hosting.LinuxGuest.IsHarm)];
}
