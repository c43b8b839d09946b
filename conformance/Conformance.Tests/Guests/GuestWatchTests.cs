using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Viommu.Conformance.Running;
using Viommu.Conformance.Watching.Guests;

namespace Viommu.Conformance.Tests.Guests;

/// <summary>What is made of that which a guest says of its steps.</summary>
public sealed class GuestWatchTests
{
    private static readonly GuestOrders Orders = new("qemu", "guest", "read,write", "", TimeSpan.FromSeconds(60));

    private readonly GuestWatch watch = new(Orders);

    [Fact]
    public void A_guest_that_does_what_it_is_told_and_reads_what_is_there_passes() => Become([Verdict.Pass, Verdict.Pass, Verdict.Pass, Verdict.Pass], All);

    [Fact]
    public void A_guest_that_reads_something_else_fails()
    {
        var read = Judge(["boot ok", "read vda 8388608 00000000000000000000000000000000", "read ok", "write ok", "end"])[1];

        Assert.Equal(Verdict.Fail, read.Verdict);
        Assert.Contains(Sum, read.Expected, StringComparison.Ordinal);
        Assert.Contains("00000000000000000000000000000000", read.Actual, StringComparison.Ordinal);
    }

    [Fact]
    public void A_guest_that_does_not_say_what_it_has_read_fails() => Become([Verdict.Pass, Verdict.Fail, Verdict.Pass, Verdict.Pass], ["boot ok", "read ok", "write ok", "end"]);

    [Fact]
    public void A_step_that_failed_fails_and_says_why()
    {
        var write = Judge(["boot ok", $"read vda 8388608 {Sum}", "read ok", "write failed: there is no room", "end"])[2];

        Assert.Equal((Verdict.Fail, "write failed: there is no room"), (write.Verdict, write.Actual));
    }

    [Fact]
    public void A_step_that_took_too_long_is_a_timeout() =>
        Become([Verdict.Pass, Verdict.Timeout, Verdict.Pass, Verdict.Pass], ["boot ok", "read failed: not done within 60 s", "write ok", "end"]);

    [Fact]
    public void A_step_that_is_done_twice_is_judged_by_the_time_that_it_failed()
    {
        var twice = new GuestWatch(Orders with { Steps = "read,identity,read" });

        var results = twice.Judge(new(["boot ok", $"read vda 8388608 {Sum}", "read ok", "identity ok", "read failed: gone", "end"], [], [], Ended: true, Death: null));

        Assert.Equal(["guest.boot", "guest.read", "guest.identity", "guest.unharmed"], results.Select(result => result.Check.Id));
        Assert.Equal((Verdict.Fail, "read failed: gone"), (results[1].Verdict, results[1].Actual));
    }

    [Fact]
    public void Without_a_boot_nothing_else_is_tried()
    {
        Become([Verdict.Fail, Verdict.Missing, Verdict.Missing, Verdict.Pass], ["boot failed: there is no endpoint", "end"]);
    }

    [Fact]
    public void A_kernel_that_came_to_harm_is_a_crash_of_the_steps_that_it_did_not_do()
    {
        var results = Judge(["boot ok"], harmed: ["BUG: kernel NULL pointer dereference, address: 0000000000000000"]);

        Assert.Equal([Verdict.Pass, Verdict.Crash, Verdict.Crash, Verdict.Crash], results.Select(result => result.Verdict));
        Assert.Contains("NULL pointer", results[1].Actual, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_that_came_to_harm_is_red_whatever_it_does_later() =>
        Become([Verdict.Pass, Verdict.Pass, Verdict.Pass, Verdict.Crash], All, harmed: ["WARNING: CPU: 0 PID: 1 at drivers/iommu/virtio-iommu.c:808"]);

    [Fact]
    public void A_guest_that_does_not_end_in_its_time_is_a_timeout() => Become([Verdict.Pass, Verdict.Timeout, Verdict.Timeout, Verdict.Pass], ["boot ok"], ended: false);

    [Fact]
    public void A_run_that_the_user_ends_owes_the_rest() => Become([Verdict.Pass, Verdict.Missing, Verdict.Missing, Verdict.Pass], ["boot ok"], ended: null);

    [Theory]
    [InlineData("boot ok")]
    [InlineData("boot ok", "read failed: not done within 60 s")]
    public void A_device_that_dies_is_a_fault_of_the_harness_not_of_the_guest(params string[] told) =>
        Become([Verdict.Pass, Verdict.Error, Verdict.Error, Verdict.Pass], told, death: new InvalidOperationException("the device fell over"));

    [Fact]
    public void A_guest_that_ends_before_is_a_crash() => Become([Verdict.Pass, Verdict.Crash, Verdict.Crash, Verdict.Pass], ["boot ok"]);

    private string[] All => ["boot ok", $"read vda 8388608 {Sum}", "read ok", "write ok", "end"];

    private void Become(Verdict[] expected, string[] told, string[]? harmed = null, bool? ended = true, Exception? death = null) =>
        Assert.Equal(expected, Judge(told, harmed, ended, death).Select(result => result.Verdict));

    [SuppressMessage("Security", "CA5351:Do Not Use Broken Cryptographic Algorithms", Justification = "the guest's sum, which nobody is to trust but in a test")]
    private string Sum => Convert.ToHexStringLower(MD5.HashData(watch.Disk));

    private IReadOnlyList<CheckResult> Judge(string[] told, string[]? harmed = null, bool? ended = true, Exception? death = null) =>
        watch.Judge(new GuestCourse(told, harmed ?? [], [.. told, .. harmed ?? []], ended, death));
}
