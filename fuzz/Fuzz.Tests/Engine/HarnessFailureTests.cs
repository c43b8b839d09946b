using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Campaigns;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Reports;
using Viommu.Fuzz.Targets;
using Viommu.Fuzz.Tests.Samples;

namespace Viommu.Fuzz.Tests.Engine;

/// <summary>An exception that no code under test had a part in is a failure of the harness, and says nothing of a device.</summary>
public sealed class HarnessFailureTests : IDisposable
{
    private static readonly byte[] _input = [1, 2, 3];

    private readonly string _folder = Directory.CreateTempSubdirectory("harness-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void An_oracle_that_throws_is_no_finding_and_its_input_goes_with_the_failure()
    {
        using var executor = NewExecutor(_ => throw new InvalidOperationException("the oracle is at its wit's end"));
        var failure = Assert.Throws<HarnessException>(() => executor.Execute(_input));
        Assert.Equal(_input, failure.Input);
        Assert.Contains("at its wit's end", failure.Message);
        Assert.Contains(nameof(HarnessFailureTests), failure.Details);
    }

    [Fact]
    public void Code_under_test_that_throws_is_a_finding()
    {
        using var executor = NewExecutor(_ => Sample.Fail());
        Assert.Equal(FindingKey.UnexpectedException, executor.Execute(_input)!.Key.Rule);
    }

    [Fact]
    public void A_machine_that_throws_while_code_under_test_calls_it_is_no_finding()
    {
        using var executor = NewExecutor(_ => Sample.Call(() => throw new InvalidOperationException("the judge has no such queue")));
        Assert.Contains("no such queue", Assert.Throws<HarnessException>(() => executor.Execute(_input)).Message);
    }

    [Fact]
    public void A_machine_that_says_what_code_under_test_broke_when_it_called_is_a_finding()
    {
        using var executor = NewExecutor(_ => Sample.Call(() => throw new BrokenInvariantException("stays-within", "", "no such memory")));
        Assert.Equal("stays-within", executor.Execute(_input)!.Key.Rule);
    }

    [Fact]
    public void The_runtime_throws_for_whoever_calls_it()
    {
        using var executor = NewExecutor(_ => Sample.Call(null!));
        Assert.Equal(FindingKey.UnexpectedException, executor.Execute(_input)!.Key.Rule);
        using var index = NewExecutor(_ => Sample.At([], 1));
        Assert.Equal(nameof(IndexOutOfRangeException), index.Execute(_input)!.Key.Exception);
        using var harness = NewExecutor(_ => Sample.Call(() => ArgumentNullException.ThrowIfNull((object?)null)));
        Assert.Throws<HarnessException>(() => harness.Execute(_input));
    }

    [Fact]
    public void Where_nothing_is_said_of_what_is_under_test_every_exception_is_a_finding()
    {
        using var executor = new TargetExecutor(() => new Throwing(_ => throw new InvalidOperationException()), 1);
        Assert.NotNull(executor.Execute(_input));
    }

    [Fact]
    public void A_campaign_ends_with_it_and_the_next_one_does_not_take_its_input_for_what_has_killed_this_one()
    {
        var campaign = NewCampaign(input => { if (input.Length > 9) throw new InvalidOperationException("too long for the oracle"); });
        var failure = Assert.Throws<HarnessException>(() => campaign.Run());
        Assert.True(failure.Input.Count > 9);
        Assert.Empty(campaign.Findings);
        Assert.Empty(Campaign.LeftOver(_folder));
    }

    [Fact]
    public void The_input_is_kept_in_the_report_beside_summaries_that_are_whole()
    {
        using var report = new CampaignReport(_folder, TargetList.Find("transport-pci"), "model", 1, _ => null);
        Assert.Null(report.WriteSummaries());
        string? file = report.WriteHarnessFailure(new(_input, new InvalidOperationException("no")));
        Assert.Equal(_input, File.ReadAllBytes(file!));
        Assert.Contains("InvalidOperationException", File.ReadAllText(Path.ChangeExtension(file!, ".txt")));
        Assert.Contains("failures=\"0\"", File.ReadAllText(Path.Combine(_folder, "junit.xml")));
    }

    [Fact]
    public void Devices_broken_ones_among_them_are_under_test_and_oracles_and_machines_are_not()
    {
        var target = TargetList.Find("sequence");
        Assert.True(target.IsUnderTest(typeof(Device.Iommu.IommuDevice)));
        Assert.True(target.IsUnderTest(typeof(Conformance.Selftest.BrokenDevices)));
        Assert.False(target.IsUnderTest(typeof(Conformance.Oracle.SpecOracle)));
        Assert.False(target.IsUnderTest(typeof(Machines.RequestMachine)));
        Assert.False(target.IsUnderTest(typeof(Guest.Transport.PciTransport)));
        Assert.True(TargetList.Find("driver").IsUnderTest(typeof(Guest.Transport.PciTransport)));
    }

    private static TargetExecutor NewExecutor(Action<byte[]> execute) => new(() => new Throwing(execute), 1, isUnderTest: type => type == typeof(Sample));

    private Campaign NewCampaign(Action<byte[]> execute) => new(new CampaignOptions
    {
        Shape = LockedDoor.Shape,
        NewExecutor = () => NewExecutor(execute),
        NewDictionary = () => new ValueDictionary([], []),
        Seed = 1,
        Runs = 1000,
        KeepGoing = true,
        InFlightFolder = _folder,
    });

    private sealed class Throwing(Action<byte[]> execute) : IFuzzTarget
    {
        public void Execute(ReadOnlySpan<byte> input, Observations observations) => execute(input.ToArray());

        public void Dispose()
        {
        }
    }
}
