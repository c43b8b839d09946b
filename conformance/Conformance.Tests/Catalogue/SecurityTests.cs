using System.Reflection;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;

namespace Viommu.Conformance.Tests.Catalogue;

/// <summary>SHOULDs that isolation hangs on.</summary>
public sealed class SecurityTests
{
    private static readonly ClauseCatalogue Clauses = ClauseCatalogue.Load();

    [Fact]
    public void They_are_isolation_of_unattached_endpoints_overlap_and_atomic_UNMAP()
    {
        Assert.Equal(["IOMMU-MAP-D-02", "IOMMU-OPS-D-06", "IOMMU-UNMAP-D-06"], Clauses.Clauses.Where(c => c.IsSecurityRelevant).Select(c => c.Id).Order());
        Assert.All(Clauses.Clauses.Where(c => c.IsSecurityRelevant), c => Assert.Equal(Level.Should, c.Level));
    }

    [Fact]
    public void Their_checks_know_it()
    {
        var checks = CheckRegistry.Find(Assembly.GetAssembly(typeof(Check))!, Clauses);
        Assert.Equal(3, checks.Where(c => c.IsSecurityRelevant).Select(c => c.Clauses[0]).Distinct().Count());
    }
}
