using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Xunit.Abstractions;

namespace Viommu.Conformance.Tests.Suite;

/// <summary>A check as a row of a theory: shown, filtered and re-run by its id.</summary>
public sealed class CheckRow : IXunitSerializable
{
    private static readonly IReadOnlyList<Check> Checks = CheckRegistry.Find(typeof(Check).Assembly, ClauseCatalogue.Load());

    private string id = "";

    public static TheoryData<CheckRow> All => [.. Checks.Select(check => new CheckRow { id = check.Id })];

    public Check Check => Checks.Single(check => check.Id == id);

    public void Deserialize(IXunitSerializationInfo info) => id = info.GetValue<string>(nameof(id));

    public void Serialize(IXunitSerializationInfo info) => info.AddValue(nameof(id), id);

    public override string ToString() => id;
}
