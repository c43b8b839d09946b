using FsCheck;
using FsCheck.Fluent;
using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Tests.Catalogue;

public sealed class GlobTests
{
    [Theory]
    [InlineData("IOMMU-MAP-*", "IOMMU-MAP-D-01.rule", true)]
    [InlineData("iommu-map-d-0?", "IOMMU-MAP-D-01", true)]
    [InlineData("IOMMU-MAP", "IOMMU-MAP-D-01", false)]
    [InlineData("*.rule", "IOMMU-MAP-D-01.rule", true)]
    [InlineData("IOMMU.MAP", "IOMMU-MAP", false)]
    [InlineData("(IOMMU|MAP)+", "IOMMU", false)]
    [InlineData("", "IOMMU", false)]
    public void A_glob_covers_whole_ids_in_any_case(string glob, string id, bool matches) => Assert.Equal(matches, new Glob(glob).Matches(id));

    [Fact]
    public void Text_with_a_piece_cut_out_fits_the_glob_with_a_star_in_its_place() =>
        Prop.ForAll(Letters(), Letters(), Letters(), (a, b, c) => new Glob(a + "*" + c).Matches(a + b + c)).Check(Config.QuickThrowOnFailure);

    [Fact]
    public void A_glob_of_stars_is_not_slow() => Assert.False(new Glob(string.Concat(Enumerable.Repeat("*a", 200))).Matches(new string('a', 5000) + "b"));

    [Theory]
    [InlineData("IOMMU-MAP-D-1", "IOMMU-MAP-D-10")]
    [InlineData("IOMU-MAP-D-03", "IOMMU-MAP-D-03")]
    [InlineData("attach", "IOMMU-ATTACH-D-01")]
    public void The_nearest_id_comes_first(string wanted, string nearest) =>
        Assert.Equal(nearest, NearIds.Of(wanted, ["IOMMU-MAP-D-03", "CORE-STATUS-D-01", "IOMMU-MAP-D-10", "IOMMU-ATTACH-D-01"])[0]);

    [Fact]
    public void Nothing_is_near_to_nonsense() => Assert.Empty(NearIds.Of(new string('z', 100_000), ["IOMMU-MAP-D-03"]));

    private static Arbitrary<string> Letters() => ArbMap.Default.GeneratorFor<NonNull<string>>().Select(s => s.Get).ToArbitrary();
}
