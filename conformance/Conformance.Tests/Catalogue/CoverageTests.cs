using System.Reflection;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Watching;

namespace Viommu.Conformance.Tests.Catalogue;

/// <summary>Every clause has a check, or a rule where it binds drivers, or a reason for having none.</summary>
public sealed class CoverageTests
{
    private static readonly ClauseCatalogue Clauses = ClauseCatalogue.Load();

    [Fact]
    public void Every_clause_has_either_a_check_or_a_reason()
    {
        SpecRule[] judged =
        [
            .. CheckRegistry.Find(Assembly.GetAssembly(typeof(Check))!, Clauses),
            .. RuleRegistry.Find(Assembly.GetAssembly(typeof(DriverRule))!, Clauses),
        ];
        Assert.Empty(NotTested.Load().Problems(Clauses, judged.SelectMany(c => c.Clauses).Concat(Umbrellas.Load().Clauses).ToHashSet()));
    }

    [Fact]
    public void A_clause_with_neither_is_found()
    {
        var problems = new NotTested([("*-V-??", "driver")]).Problems(Clauses, Devices("CORE-SHM-D-01"));
        Assert.Equal(["CORE-SHM-D-01 has neither a check nor a reason"], problems);
    }

    [Fact]
    public void A_reason_beside_a_check_is_found()
    {
        var problems = new NotTested([("CORE-SHM-D-01", "none"), ("*-V-??", "driver")]).Problems(Clauses, Devices());
        Assert.Equal(["CORE-SHM-D-01 has a reason although it has a check"], problems);
    }

    [Fact]
    public void A_glob_stands_for_the_rest_and_is_found_once_nothing_is_left_to_it()
    {
        var rest = new NotTested([("MMIO-*-D-??", "not yet"), ("*-V-??", "driver")]);
        Assert.Empty(rest.Problems(Clauses, Devices("MMIO-REG-D-02")));
        Assert.Equal(["MMIO-*-D-?? has a reason although it has a check"], rest.Problems(Clauses, Devices()));
    }

    [Fact]
    public void A_reason_for_nothing_is_found() =>
        Assert.Equal(["CORE-NONE-D-01 names no clause"], new NotTested([("CORE-NONE-D-01", "?"), ("*-V-??", "driver")]).Problems(Clauses, Devices()));

    [Fact]
    public void A_row_that_names_the_clause_wins_over_a_glob()
    {
        var reasons = new NotTested([("CORE-*", "rest"), ("CORE-SHM-D-01", "own")]);
        Assert.Equal("own", reasons.ReasonFor("CORE-SHM-D-01"));
        Assert.Equal("rest", reasons.ReasonFor("CORE-SHM-D-02"));
    }

    /// <summary>The device clauses, all but one, as the tested ones.</summary>
    private static HashSet<string> Devices(string? but = null) =>
        [.. Clauses.Clauses.Where(c => c.Role == Role.Device && c.Id != but).Select(c => c.Id)];
}
