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
    public void An_oops_behind_a_bug_is_the_same_finding_and_so_is_the_panic() => Assert.Equal(
        "guest-is-unharmed|BUG: kernel NULL pointer dereference|viommu_probe_endpoint|", Assert.Single(Keys(Oops)));

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
    public void A_panic_that_a_warning_came_before_is_a_finding_of_its_own() => Assert.Equal(
        ["guest-is-unharmed|WARNING|foo|", "guest-is-unharmed|Kernel panic - not syncing: stack-protector|bar|"],
        Keys("WARNING: CPU: 0 PID: 42 at mm/x.c:1 foo+0x1/0x2", "RIP: 0010:foo+0x1/0x2", "---[ end trace 0000000000000000 ]---", "Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: bar+0x1/0x2"));

    [Fact]
    public void What_comes_behind_the_end_of_a_report_is_another_finding() => Assert.Equal(
        ["guest-is-unharmed|WARNING|foo|", "guest-is-unharmed|WARNING|bar|", "guest-is-unharmed|BUG: kernel NULL pointer dereference|viommu_probe_endpoint|"],
        Keys(
        [
            "WARNING: CPU: 0 PID: 42 at mm/x.c:1 foo+0x1/0x2", "RIP: 0010:foo+0x1/0x2", "---[ end trace 0000000000000000 ]---",
            "WARNING: CPU: 0 PID: 42 at mm/x.c:2 bar+0x1/0x2", "RIP: 0010:bar+0x1/0x2", "------------[ cut here ]------------", .. Oops,
        ]));

    [Theory]
    [InlineData("BUG: KASAN: slab-out-of-bounds in viommu_add_resv_mem.isra.0+0x10/0x20", "BUG: KASAN: slab-out-of-bounds|viommu_add_resv_mem")]
    [InlineData("BUG: Bad page state in process dd  pfn:01234", "BUG: Bad page state|idle")]
    [InlineData("WARNING: CPU: 0 PID: 1 at viommu_release_device+0x1/0x2", "WARNING|viommu_release_device")]
    public void A_report_is_told_by_what_it_is_and_where_it_says_so(string first, string key) => Assert.Equal(
        $"guest-is-unharmed|{key}|", Assert.Single(Keys(first, "Call Trace:", "RIP: 0010:idle.cold+0x1/0x2", "more of it in somewhere+0x1/0x2")));

    [Theory]
    [InlineData("{0}.isra.0")]
    [InlineData("{0}.constprop.0.cold")]
    [InlineData("{0}")]
    public void Parts_of_a_function_are_that_function(string name)
    {
        string function = string.Format(System.Globalization.CultureInfo.InvariantCulture, name, "viommu_probe_endpoint");

        Assert.Equal(Keys(Oops), Keys([.. Oops.Select(line => line.Replace("viommu_probe_endpoint", function, StringComparison.Ordinal))]));
    }

    [Fact]
    public void Where_no_registers_are_shown_a_lock_says_where() => Assert.Equal(
        "guest-is-unharmed|BUG: sleeping function called from invalid context at kernel/locking/mutex.c|viommu_send_req_sync|",
        Assert.Single(Keys("BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580", " #0: ffff888 (lock){....}-{3:3}, at: viommu_send_req_sync+0x1/0x2")));

    [Fact]
    public void A_guest_that_does_not_end_is_a_finding() => Assert.Equal("guest-ends|||", Assert.Single(GuestHarm.Of(Course("viommu: boot ok") with { Ended = false }, [])).Key.ToString());

    [Fact]
    public void A_guest_that_complains_and_lives_is_none() =>
        Assert.Empty(GuestHarm.Of(Course("virtio_iommu virtio0: fault type 255 from EP 32 at 0x1000", "I/O error, dev vda, sector 0", "Spectre V2 : WARNING: a word of advice"), []));

    [Fact]
    public void That_a_guest_does_not_end_is_explained_by_its_harm() => Assert.DoesNotContain(
        GuestHarm.Of(Course(Oops) with { Ended = false }, []), finding => GuestRun.IsHang(finding.Key));

    private static IEnumerable<string> Keys(params string[] console) => GuestHarm.Of(Course(console), []).Select(finding => finding.Key.ToString());

    private static GuestCourse Course(params string[] console) => new([], LinuxHarm(console), console, Ended: true, Death: null);

    private static IReadOnlyList<string> LinuxHarm(string[] console) => [.. console.Where(Viommu.Guest.Hosting.LinuxGuest.IsHarm)];
}
