using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;
using Viommu.Conformance.Selftest;
using Viommu.Conformance.Tests.Running;
using Viommu.Conformance.Tests.Watching;
using Viommu.Conformance.Watching.Selftest;

namespace Viommu.Conformance.Tests.Catalogue;

/// <summary>A permission (MAY) cannot be broken. It is covered where one side makes use of it, and the other has to bear that.</summary>
public sealed class PermissionTests
{
    private const string Permission = "PCI-COMMON-V-09";
    private const string Rule = "CORE-VQENABLE-D-01";

    private static readonly ClauseCatalogue Clauses = ClauseCatalogue.Load();

    [Fact]
    public void Each_permission_that_a_check_makes_use_of_has_a_device_that_punishes_just_that()
    {
        var used = CheckRegistry.Find(typeof(CheckRegistry).Assembly, Clauses).SelectMany(check => check.Uses).Distinct().ToList();
        Assert.NotEmpty(used);
        Assert.Empty(used.Except(BrokenDevices.All.SelectMany(device => device.Breaks)));
    }

    [Fact]
    public void Each_permission_that_a_rule_makes_use_of_has_a_driver_that_fails_of_just_that()
    {
        var used = Watch.Rules.SelectMany(rule => rule.Uses).Distinct().ToList();
        Assert.NotEmpty(used);
        Assert.Empty(used.Except(BrokenDrivers.All.SelectMany(driver => driver.Breaks)));
    }

    [Theory]
    [InlineData(Verdict.Pass, Verdict.Pass, "")]
    [InlineData(Verdict.NotApplicable, Verdict.NotApplicable, "why not")]
    [InlineData(Verdict.Warn, Verdict.Warn, "made use of where CORE-VQENABLE-D-01 is broken")]
    [InlineData(Verdict.Fail, Verdict.Warn, "made use of where CORE-VQENABLE-D-01 is broken")]
    [InlineData(Verdict.Timeout, Verdict.Timeout, "made use of where CORE-VQENABLE-D-01 is broken")]
    [InlineData(Verdict.ExpectedFailure, Verdict.ExpectedFailure, "")]
    public void A_permission_never_fails_and_names_the_clause_that_does(Verdict ofCheck, Verdict ofPermission, string reason)
    {
        var check = FakeChecks.Make($"{Rule}.holds", Level.Must, Permission) with { Uses = [Permission] };
        var clauses = new ClauseVerdicts(Clauses, NotTested.Load())
            .Of([new CheckResult(check, ofCheck, "why not", "", [], 0) { Observed = ofCheck }]).ToDictionary(result => result.Clause.Id);
        Assert.Equal((ofPermission, reason), (clauses[Permission].Verdict, clauses[Permission].Reason));
        Assert.Equal(ofCheck, clauses[Rule].Verdict);
    }

    [Fact]
    public void Of_the_proofs_of_a_check_a_permission_has_those_that_punish_its_use()
    {
        string[] either = ["a device that forgets", "a device that refuses"];
        var check = new TracedRule($"{Rule}.holds", "", [Rule, Permission], either) { Uses = new Dictionary<string, IReadOnlyList<string>> { [Permission] = [either[1]] } };
        var rows = new Traceability(Clauses, NotTested.Load(), [check]).Rows.ToDictionary(row => row.Clause.Id);
        Assert.Equal(either, rows[Rule].Proofs);
        Assert.Equal([either[1]], rows[Permission].Proofs);
        Assert.True(rows[Permission].IsJudged);
    }

    [Fact]
    public void Only_permissions_of_the_other_side_can_be_made_use_of()
    {
        Assert.Equal([Rule, Permission], Find(Role.Device, Rule, Permission).All);
        foreach (var wrong in (string[])["PCI-COMMON-V-04", "PCI-COMMON-D-05", "PCI-COMMON-V-99"])
            Assert.Contains($"{wrong} is no permission", Assert.Throws<InvalidDataException>(() => Find(Role.Device, Rule, wrong)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => Find(Role.Driver, Rule));
    }

    private static NamedClauses Find(Role judged, string clause, params string[] uses) => NamedClauses.Find(Clauses, "owner", judged, clause, [], uses);
}
