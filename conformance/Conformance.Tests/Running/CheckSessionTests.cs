using System.Diagnostics;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Checks.Core;
using Viommu.Conformance.Running;
using Viommu.Conformance.Selftest;
using Viommu.Guest;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Tests.Running;

public sealed class CheckSessionTests
{
    private static readonly Check Detaches = Scratch("detaches", check => CheckContext.Given(check.Start().Detach(1, check.Endpoint)));
    private static readonly Check Attaches = Scratch("attaches", check => CheckContext.Given(check.Start().Attach(1, check.Endpoint)));

    [Fact]
    public void A_device_that_throws_is_a_crash_and_the_next_check_has_a_fresh_one()
    {
        using var session = Open(BrokenDevice.Requests("throws on DETACH", [], (request, reply, next) =>
            request[0] == RequestType.Detach ? throw new InvalidOperationException("boom") : next(request, reply)));

        var crash = session.Run(Detaches, CancellationToken.None);

        Assert.Equal(Verdict.Crash, crash.Verdict);
        Assert.Contains("boom", crash.Actual, StringComparison.Ordinal);
        Assert.Contains(crash.Evidence, line => line.Contains("DETACH", StringComparison.Ordinal));
        Assert.Equal(Verdict.Pass, session.Run(Attaches, CancellationToken.None).Verdict);
    }

    [Fact]
    public void A_device_that_never_returns_is_a_timeout_and_the_next_check_has_a_fresh_one()
    {
        using var release = new ManualResetEventSlim();
        using var session = Open(
            BrokenDevice.Requests("hangs on DETACH", [], (request, reply, next) =>
            {
                if (request[0] == RequestType.Detach) release.Wait();
                return next(request, reply);
            }),
            TimeSpan.FromSeconds(5));
        // What has run once is compiled: how fast that is is not the subject.
        session.Run(Attaches, CancellationToken.None);

        var hang = session.Run(Detaches, CancellationToken.None);

        Assert.Equal(Verdict.Timeout, hang.Verdict);
        Assert.Equal(Verdict.Pass, session.Run(Attaches, CancellationToken.None).Verdict);
        release.Set();
    }

    [Fact]
    public void Cancellation_ends_a_check_that_hangs()
    {
        using var release = new ManualResetEventSlim();
        using var cancellation = new CancellationTokenSource();
        using var session = Open(
            BrokenDevice.Requests("hangs on DETACH", [], (request, reply, next) =>
            {
                if (request[0] != RequestType.Detach) return next(request, reply);
                cancellation.Cancel();
                release.Wait();
                return next(request, reply);
            }),
            TimeSpan.FromMinutes(10));

        // Who ignores it gives up at the deadline, by the same exception.
        var clock = Stopwatch.StartNew();
        Assert.ThrowsAny<OperationCanceledException>(() => session.Run(Detaches, cancellation.Token));
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromMinutes(5));

        release.Set();
    }

    [Fact]
    public void A_mistake_of_the_check_is_an_error_and_not_blamed_on_the_device()
    {
        using var session = Open(null);
        Assert.Equal(Verdict.Error, session.Run(Scratch("divides", check => _ = 1 / (check.Endpoints.Count - 2)), CancellationToken.None).Verdict);
        Assert.Equal(Verdict.Error, session.Run(Scratch("gives-up", _ => throw new GuestSetupException("no")), CancellationToken.None).Verdict);
    }

    [Fact]
    public void A_broken_expectation_is_FAIL_or_WARN_by_the_level_of_its_clause()
    {
        using var session = Open(null);
        void Break(CheckContext check) => CheckContext.That(false, "black", "white");
        Assert.Equal(Verdict.Fail, session.Run(Scratch("must", Break), CancellationToken.None).Verdict);
        Assert.Equal(Verdict.Warn, session.Run(Scratch("should", Break) with { Level = Level.Should }, CancellationToken.None).Verdict);
    }

    [Fact]
    public void A_reset_that_leaves_a_domain_behind_is_found_and_undone()
    {
        using var session = Open(BrokenDevices.All.Single(device => device.Name == "keeps attachments over a device reset"));

        Assert.Equal(Verdict.Pass, session.Run(Attaches, CancellationToken.None).Verdict);
        var leftovers = new List<string>();
        session.Run(Scratch("looks", check => leftovers.AddRange(check.Resets.Leftovers)), CancellationToken.None);

        Assert.Contains("domain 1 still exists", Assert.Single(leftovers), StringComparison.Ordinal);
        Assert.Equal(Verdict.Pass, session.Run(Scratch("maps", check => Assert.False(check.Start().Map(1, 0x1000, 0x1fff, 0).IsOk)), CancellationToken.None).Verdict);
    }

    [Fact]
    public void A_reset_that_does_not_come_to_its_end_is_found_and_the_next_check_has_a_fresh_device()
    {
        using var session = Open(BrokenDevices.All.Single(device => device.Name == "ignores a reset while it is suspended"));

        var suspends = Scratch("suspends", check =>
        {
            Suspension.Start(check);
            Suspension.Enter(check);
        });
        Assert.Equal(Verdict.Pass, session.Run(suspends, CancellationToken.None).Verdict);
        var incomplete = new List<string>();
        session.Run(Scratch("looks", check => incomplete.AddRange(check.Resets.Incomplete)), CancellationToken.None);

        Assert.StartsWith($"after {suspends.Id}: the status reads 0x1b", Assert.Single(incomplete), StringComparison.Ordinal);
        Assert.Equal(Verdict.Pass, session.Run(Attaches, CancellationToken.None).Verdict);
    }

    [Fact]
    public void What_a_device_breaks_when_it_is_looked_into_after_a_check_is_a_failure_of_that_check()
    {
        // The domain of the check is asked for, and is not there any more.
        using var session = Open(new BrokenDevice("writes past a reply of NOENT", [], new ModelVariation { RingMemory = memory => new Spilling(memory, RequestStatus.NoEnt) }));

        var outcome = session.Run(Attaches, CancellationToken.None);

        Assert.Equal(Verdict.Fail, outcome.Verdict);
        Assert.Contains("also after the device reset after the check", outcome.Expected, StringComparison.Ordinal);
        Assert.NotNull(outcome.ChargedTo);
    }

    [Fact]
    public void An_adapter_that_fails_after_a_check_is_an_error_and_no_pass()
    {
        bool fails = false;
        using var session = Open(BrokenDevice.Registers("has an adapter that fails", [], target => new FailingAdapter(target, () => fails)));

        var outcome = session.Run(Scratch("passes", _ => fails = true), CancellationToken.None);

        Assert.Equal(Verdict.Error, outcome.Verdict);
        Assert.Contains("the adapter is out of order", outcome.Actual, StringComparison.Ordinal);
        fails = false;
        Assert.Equal(Verdict.Pass, session.Run(Attaches, CancellationToken.None).Verdict);
    }

    [Fact]
    public void A_write_outside_the_buffers_is_a_failure_of_any_check()
    {
        using var session = Open(new BrokenDevice("writes past a reply", [], new ModelVariation { RingMemory = memory => new Spilling(memory) }));

        var outcome = session.Run(Attaches, CancellationToken.None);

        Assert.Equal(Verdict.Fail, outcome.Verdict);
        Assert.Contains("past the end", outcome.Actual, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_no_driver_can_start_is_still_judged()
    {
        using var session = Open(new BrokenDevice("returns nothing", [], new ModelVariation { RingMemory = memory => new Deaf(memory) }));
        Assert.Equal(Verdict.Pass, session.Run(Scratch("looks", check => Assert.NotEqual(0UL, check.Initial.OfferedFeatures)), CancellationToken.None).Verdict);
        Assert.Equal(Verdict.Error, session.Run(Attaches, CancellationToken.None).Verdict);
    }

    [Fact]
    public void The_same_seed_gives_a_check_the_same_random_numbers()
    {
        Assert.Equal(FirstNumber(7), FirstNumber(7));
        Assert.NotEqual(FirstNumber(7), FirstNumber(8));

        static int FirstNumber(ulong seed)
        {
            var number = 0;
            using var session = new CheckSession(new ModelTargetSource(), new CheckSessionOptions(TimeSpan.FromMinutes(2), seed));
            session.Run(Scratch("rolls", check => number = check.Random.Next()), CancellationToken.None);
            return number;
        }
    }

    private static CheckSession Open(BrokenDevice? device, TimeSpan? deadline = null) =>
        new(new ModelTargetSource(device?.Variation), new CheckSessionOptions(deadline ?? TimeSpan.FromMinutes(2), Seed: 1));

    private static Check Scratch(string name, Action<CheckContext> body) =>
        new($"TEST-D-01.{name}", name, ["TEST-D-01"], Level.Must, "", "", TargetShape.Default) { Body = body };

    /// <summary>Rings that nothing can be read from, so that the device gives up on the first request.</summary>
    private sealed class Deaf(Device.Memory.IGuestMemory memory) : Device.Memory.IGuestMemory
    {
        public bool TryRead(Device.Memory.GuestAddress from, Span<byte> into) => false;

        public bool TryWrite(Device.Memory.GuestAddress to, ReadOnlySpan<byte> bytes) => memory.TryWrite(to, bytes);
    }

    private sealed class Spilling(Device.Memory.IGuestMemory memory, RequestStatus status = RequestStatus.Ok) : Device.Memory.IGuestMemory
    {
        public bool TryRead(Device.Memory.GuestAddress from, Span<byte> into) => memory.TryRead(from, into);

        public bool TryWrite(Device.Memory.GuestAddress to, ReadOnlySpan<byte> bytes) =>
            memory.TryWrite(to, bytes.SequenceEqual((ReadOnlySpan<byte>)[(byte)status, 0, 0, 0]) ? [.. bytes, 0xee] : bytes);
    }

    private sealed class FailingAdapter(ITarget inner, Func<bool> fails) : RegisterInterceptor(inner)
    {
        protected override void WriteStatus(DeviceStatus status)
        {
            if (fails()) throw new GuestSetupException("the adapter is out of order") { IsOfHarness = true };
            base.WriteStatus(status);
        }
    }
}
