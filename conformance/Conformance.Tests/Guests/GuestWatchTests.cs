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
    public void A_guest_that_does_what_it_is_told_and_reads_what_is_there_passes() =>
        Assert.All(Judge(["boot ok", $"read vda 8388608 {Sum}", "read ok", "write ok", "end"]), result => Assert.Equal(Verdict.Pass, result.Verdict));

    [Fact]
    public void A_guest_that_reads_something_else_fails()
    {
        var read = Judge(["boot ok", "read vda 8388608 00000000000000000000000000000000", "read ok", "write ok", "end"])[1];

        Assert.Equal(Verdict.Fail, read.Verdict);
        Assert.Contains(Sum, read.Expected, StringComparison.Ordinal);
        Assert.Contains("00000000000000000000000000000000", read.Actual, StringComparison.Ordinal);
    }

    [Fact]
    public void A_step_that_failed_fails_and_says_why()
    {
        var write = Judge(["boot ok", $"read vda 8388608 {Sum}", "read ok", "write failed: there is no room", "end"])[2];

        Assert.Equal((Verdict.Fail, "write failed: there is no room"), (write.Verdict, write.Actual));
    }

    [Fact]
    public void A_kernel_that_came_to_harm_is_a_crash_of_the_steps_that_it_did_not_do()
    {
        var results = Judge(["boot ok"], harmed: ["BUG: kernel NULL pointer dereference, address: 0000000000000000"]);

        Assert.Equal([Verdict.Pass, Verdict.Crash, Verdict.Crash], results.Select(result => result.Verdict));
        Assert.Contains("NULL pointer", results[1].Actual, StringComparison.Ordinal);
    }

    [Fact]
    public void A_guest_that_does_not_end_in_its_time_is_a_timeout() =>
        Assert.Equal([Verdict.Pass, Verdict.Timeout, Verdict.Timeout], Judge(["boot ok"], ended: false).Select(result => result.Verdict));

    [Fact]
    public void A_run_that_the_user_ends_owes_the_rest() =>
        Assert.Equal([Verdict.Pass, Verdict.Missing, Verdict.Missing], Judge(["boot ok"], ended: null).Select(result => result.Verdict));

    [Fact]
    public void A_device_that_dies_is_a_fault_of_the_harness_not_of_the_guest() =>
        Assert.Equal([Verdict.Pass, Verdict.Error, Verdict.Error], Judge(["boot ok"], death: new InvalidOperationException("the device fell over")).Select(result => result.Verdict));

    [Fact]
    public void A_guest_that_ends_before_is_a_crash() =>
        Assert.Equal([Verdict.Pass, Verdict.Crash, Verdict.Crash], Judge(["boot ok"]).Select(result => result.Verdict));

    [SuppressMessage("Security", "CA5351:Do Not Use Broken Cryptographic Algorithms", Justification = "the guest's sum, which nobody is to trust but in a test")]
    private string Sum => Convert.ToHexStringLower(MD5.HashData(watch.Disk));

    private IReadOnlyList<CheckResult> Judge(string[] told, string[]? harmed = null, bool? ended = true, Exception? death = null) =>
        watch.Judge(new GuestCourse(told, harmed ?? [], [.. told, .. harmed ?? []], ended, death));
}
