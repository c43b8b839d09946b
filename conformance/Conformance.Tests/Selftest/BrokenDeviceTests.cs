using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Selftest;

namespace Viommu.Conformance.Tests.Selftest;

public class BrokenDeviceTests
{
    private static readonly IReadOnlyList<Check> Checks = CheckRegistry.Find(typeof(CheckRegistry).Assembly, ClauseCatalogue.Load());

    public static TheoryData<string> Devices => [.. BrokenDevices.All.Select(device => device.Name)];

    [Theory]
    [MemberData(nameof(Devices))]
    public void A_broken_device_turns_the_checks_of_its_rule_red(string name)
    {
        var device = BrokenDevices.All.Single(device => device.Name == name);
        var checks = device.BrokenAmong(Checks);
        Assert.All(device.Breaks, breaks => Assert.Contains(checks, check => check.Clauses[0] == breaks || new Glob(breaks).Matches(check.Id) || check.Uses.Contains(breaks)));

        var survivors = Conviction.Try(device, checks).Where(tried => !Conviction.IsRed(tried.Outcome.Verdict)).ToList();

        Assert.True(survivors.Count == 0, string.Join('\n', survivors.Select(s => $"{s.Check.Id}: {s.Outcome.Verdict} {s.Outcome.Expected} {s.Outcome.Actual}")));
    }

    [Fact]
    public void Every_check_has_a_device_that_turns_it_red() =>
        Assert.Empty(Checks.Except(BrokenDevices.All.SelectMany(device => device.BrokenAmong(Checks))));
}
