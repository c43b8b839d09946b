using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Running;
using Viommu.Conformance.Selftest;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Tests.Served;

/// <summary>Over the line protocol a device has the verdicts that it has without.</summary>
public class ServedSuiteTests
{
    private static readonly CheckSessionOptions Options = new(TimeSpan.FromMinutes(2), Seed: 1);

    private static readonly IReadOnlyList<Check> Checks = CheckRegistry.Find(typeof(CheckRegistry).Assembly, ClauseCatalogue.Load());

    [Theory]
    [InlineData(ModelTransport.Pci, ModelRing.Split, "*")]
    [InlineData(ModelTransport.Mmio, ModelRing.Packed, "*MMIO-*", "*PACKED-*")]
    [InlineData(ModelTransport.LegacyMmio, ModelRing.Split, "*LEGACY-*")]
    [InlineData(ModelTransport.TransitionalPci, ModelRing.Split, "*LEGACY-*")]
    public void The_reference_device_is_judged_as_it_is_in_process(ModelTransport transport, ModelRing ring, params string[] selected)
    {
        var configuration = new ModelConfiguration(transport, ring);
        var checks = Checks.Where(check => selected.Any(glob => new Glob(glob).Matches(check.Id))).ToList();
        var inProcess = Outcomes(new ModelTargetSource(configuration: configuration), checks);
        Assert.Equal(inProcess, Outcomes(ServedSource.Of(null, configuration), checks));
        Assert.True(inProcess.Count(outcome => outcome.StartsWith("Pass", StringComparison.Ordinal)) > checks.Count / 4);
    }

    // One of each ten: requests, accesses, registers of every transport, rings, resets and memory are among them.
    // Where memory ends, and what a program said last, is another in another process.
    public static TheoryData<string> Devices =>
        [.. BrokenDevices.All.Where((_, index) => index % 10 == 0).Where(device => device.Name != "takes 13 bits of Queue Address").Select(device => device.Name)];

    [Theory]
    [MemberData(nameof(Devices))]
    public void A_broken_device_is_red_for_the_same_reason_as_in_process(string name)
    {
        var device = BrokenDevices.All.Single(device => device.Name == name);
        var checks = device.BrokenAmong(Checks);
        var served = Outcomes(ServedSource.Of(device.Variation, device.Configuration), checks);
        Assert.All(served, outcome => Assert.Matches("^(Fail|Warn|Crash|Timeout) ", outcome));
        Assert.Equal(Outcomes(new ModelTargetSource(device.Variation, device.Configuration), checks), served);
    }

    /// <summary>Registers and memory are all that a device has to have; what more a check needs is a reason to leave it out.</summary>
    [Theory]
    [InlineData(ModelTransport.Pci, "device=pci:00:03.0")]
    [InlineData(ModelTransport.Mmio, "device=mmio:0xa000000")]
    public void A_device_that_offers_nothing_more_is_judged_by_its_registers(ModelTransport transport, string device)
    {
        var checks = Checks.Where(check => new Glob("*IOMMU-*").Matches(check.Id) || new Glob("*CORE-*").Matches(check.Id)).ToList();
        using var source = ServedSource.Of(null, new ModelConfiguration(transport), answer => answer.StartsWith("OK 1 name", StringComparison.Ordinal) ? $"OK 1 name=bare time=virtual {device}" : answer);
        using var session = new CheckSession(source, Options);
        Assert.Equal(new TargetIdentity("bare", "unknown"), session.Target);

        var outcomes = checks.Select(check => session.Run(check, CancellationToken.None)).ToList();
        Assert.All(outcomes, outcome => Assert.True(outcome.Verdict is Verdict.Pass or Verdict.NotApplicable, $"{outcome.Verdict} {outcome.Expected} {outcome.Actual}"));
        string[] reasons = [.. outcomes.Where(outcome => outcome.Verdict == Verdict.NotApplicable).Select(outcome => outcome.Expected)];
        Assert.Contains("the target has no endpoint behind the virtio-iommu", reasons);
        Assert.Contains("the target cannot make DMA", reasons);
        Assert.Contains("bare has one shape: its hello does not say can=shape", reasons);
        Assert.Contains("the target has no system reset", reasons);
        Assert.True(outcomes.Count(outcome => outcome.Verdict == Verdict.Pass) > 10);
    }

    [Fact]
    public void A_device_with_time_of_its_own_is_asked_to_settle_and_judged_alike()
    {
        var checks = Checks.Where(check => new Glob("*IOMMU-UNMAP-*").Matches(check.Id)).ToList();
        var served = Outcomes(ServedSource.Of(null, new(), answer => answer.Replace("time=virtual", "time=real", StringComparison.Ordinal)), checks);
        Assert.Equal(Outcomes(new ModelTargetSource(), checks), served);
    }

    private static List<string> Outcomes(ITargetSource source, IEnumerable<Check> checks)
    {
        using var session = new CheckSession(source, Options);
        return [.. checks.Select(check => (check, outcome: session.Run(check, CancellationToken.None))).Select(ran =>
            $"{ran.outcome.Verdict} {ran.check.Id}: {ran.outcome.Expected}; "
            + (ran.outcome.Verdict is Verdict.Crash or Verdict.Timeout ? "" : $"{ran.outcome.Actual}; {string.Join('\n', ran.outcome.Evidence)}"))];
    }
}
