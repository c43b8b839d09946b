using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;
using Viommu.Conformance.Selftest;
using Viommu.Conformance.Watching;
using Viommu.Conformance.Watching.Selftest;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Tests.Watching;

/// <summary>Every rule of drivers can fail, and none does on the suite's own driver.</summary>
public class BrokenDriverTests
{
    private static readonly IReadOnlyList<DriverRule> Rules = Watch.Rules;

    // What a driver does not do, or does without telling the device, shows in that it waits or has ended, which nobody tells of a guest elsewhere.
    private static readonly Glob[] OmissionsOnly = [new("PCI-DISC-V-*"), new("PCI-CAP-V-*"), new("CORE-RSVD-V-10"), new("CORE-STATUS-V-04"), new("MMIO-REG-V-19")];

    // Those that accuse a guest in a machine elsewhere.
    private static readonly IReadOnlyList<DriverRule> SeenFromElsewhere =
        [.. Rules.Where(rule => (rule.Needs & ~Sight.Hosted) == 0 && !OmissionsOnly.Any(glob => glob.Matches(rule.Clauses[0])))];

    public static TheoryData<string> Drivers => [.. BrokenDrivers.All.Select(driver => driver.Name)];

    public static TheoryData<string> DriversSeenFromElsewhere =>
        [.. BrokenDrivers.All.Where(driver => driver.BrokenAmong(SeenFromElsewhere).Any()).Select(driver => driver.Name)];

    public static TheoryData<string> Configurations => [.. ModelConfiguration.All.Select(configuration => configuration.ToString())];

    [Theory]
    [MemberData(nameof(Drivers))]
    public void A_broken_driver_turns_the_rules_that_it_breaks_red(string name)
    {
        var driver = BrokenDrivers.All.Single(driver => driver.Name == name);
        var own = driver.BrokenAmong(Rules);
        Assert.All(driver.Breaks, breaks => Assert.Contains(own, rule => new Glob(breaks).Matches(rule.Clauses[0]) || new Glob(breaks).Matches(rule.Id) || rule.Uses.Contains(breaks)));

        var survivors = DriverConviction.Try(driver, own).Where(result => !Conviction.IsRed(result.Verdict)).ToList();

        Assert.True(survivors.Count == 0, string.Join('\n', survivors.Select(s => $"{s.Check.Id}: {s.Verdict} {s.Expected} {s.Actual}")));
    }

    [Theory]
    [MemberData(nameof(DriversSeenFromElsewhere))]
    public void It_does_so_as_well_where_only_the_devices_end_is_seen(string name)
    {
        var driver = BrokenDrivers.All.Single(driver => driver.Name == name);

        var results = DriverConviction.Try(driver, driver.BrokenAmong(SeenFromElsewhere), Sight.Hosted);

        Assert.NotEmpty(results);
        Assert.All(results, result => Assert.True(Conviction.IsRed(result.Verdict), $"{result.Check.Id}: {result.Verdict} {result.Expected} {result.Actual}"));
    }

    [Fact]
    public void Every_rule_has_a_driver_that_turns_it_red() =>
        Assert.Empty(Rules.Except(BrokenDrivers.All.SelectMany(driver => driver.BrokenAmong(Rules))));

    [Theory]
    [MemberData(nameof(Configurations))]
    public void No_rule_accuses_the_suites_own_driver(string name) => NobodyIsAccused(name, Sight.Live, "CORE-CLEANUP-V-01");

    [Theory]
    [MemberData(nameof(Configurations))]
    public void No_rule_accuses_it_where_only_the_devices_end_is_seen(string name) => NobodyIsAccused(name, Sight.Hosted);

    private static void NobodyIsAccused(string name, Sight sight, params string[] alsoSeen)
    {
        var (results, problems) = DriverConviction.TrySound(ModelConfiguration.All.Single(configuration => configuration.ToString() == name), Rules, sight);

        Assert.Empty(problems);

        // Nobody is accused where nothing is seen; requests and rings are seen on all of them.
        string[] seen = ["IOMMU-MAP-V-03", "IOMMU-UNMAP-V-02", "IOMMU-RESV-V-01", "CORE-STATUS-V-02", .. alsoSeen];
        Assert.All(seen, clause => Assert.Contains(results, result => result.Check.Clauses[0] == clause && result.Verdict == Verdict.Pass));
        Assert.All(results, result => Assert.True(
            result.Verdict is Verdict.Pass or Verdict.NotApplicable,
            $"{result.Check.Id}: {result.Verdict.Name()} {result.Expected}; {result.Actual}\n{string.Join('\n', result.Evidence)}"));
    }
}
