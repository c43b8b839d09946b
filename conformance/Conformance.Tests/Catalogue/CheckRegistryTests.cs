using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Tests.Catalogue;

public sealed class CheckRegistryTests
{
    private static readonly ClauseCatalogue Clauses = ClauseCatalogue.Load();

    [Fact]
    public void A_check_is_made_of_its_method_and_attribute()
    {
        var check = CheckRegistry.Find([typeof(Good)], Clauses).First(c => c.Clauses[0] == "IOMMU-MAP-D-03");
        Assert.Equal("IOMMU-MAP-D-03.an-unknown-flag-is-refused-inval", check.Id);
        Assert.Equal("An unknown flag is refused INVAL", check.Title);
        Assert.Equal(["IOMMU-MAP-D-03", "IOMMU-ATTACH-D-02"], check.Clauses);
        Assert.Equal(Level.Must, check.Level);
        Assert.Equal("maps", check.Does);
        Assert.Equal("INVAL", check.Reading);
        Assert.Equal(0x1000UL, check.Shape.PageSizeMask);
        Assert.Equal((false, false), (check.JudgesTheRun, check.IsSecurityRelevant));
    }

    [Fact]
    public void Checks_come_in_the_order_of_the_spec_and_then_of_their_source() =>
        Assert.Equal(["CORE-STATUS-D-01.nothing-before-driver-ok", "IOMMU-MAP-D-03.an-unknown-flag-is-refused-inval", "IOMMU-MAP-D-03.all-bits-are-refused"],
            CheckRegistry.Find([typeof(Good)], Clauses).Select(c => c.Id));

    [Theory]
    [InlineData(typeof(NoSuchClause), "no clause IOMMU-MAP-D-99")]
    [InlineData(typeof(MixedLevels), "not of the level")]
    [InlineData(typeof(WrongSignature), "a static void method")]
    [InlineData(typeof(NoSuchShape), "no static TargetShape Nothing")]
    [InlineData(typeof(SameTwice), "is there twice")]
    public void A_check_that_is_not_made_as_it_has_to_be_is_named(Type type, string cause)
    {
        var error = Assert.Throws<InvalidDataException>(() => CheckRegistry.Find([type], Clauses));
        Assert.Contains(cause, error.Message, StringComparison.Ordinal);
    }

    private static class Good
    {
        private static readonly TargetShape FourKilobytes = new() { PageSizeMask = 0x1000 };

        [Check("IOMMU-MAP-D-03", Also = ["IOMMU-ATTACH-D-02"], Does = "maps", Reading = "INVAL", Shape = nameof(FourKilobytes))]
        public static void An_unknown_flag_is_refused_INVAL(CheckContext check) => _ = check;

        [Check("IOMMU-MAP-D-03", Does = "maps", Reading = "INVAL")]
        public static void All_bits_are_refused(CheckContext check) => _ = check;

        [Check("CORE-STATUS-D-01", Does = "waits", Reading = "nothing")]
        public static void Nothing_before_DRIVER_OK(CheckContext check) => _ = check;
    }

    private static class NoSuchClause
    {
        [Check("IOMMU-MAP-D-99", Does = "", Reading = "")]
        public static void Rule(CheckContext check) => _ = check;
    }

    private static class MixedLevels
    {
        [Check("IOMMU-MAP-D-03", Also = ["IOMMU-MAP-D-01"], Does = "", Reading = "")]
        public static void Rule(CheckContext check) => _ = check;
    }

    private static class WrongSignature
    {
        [Check("IOMMU-MAP-D-03", Does = "", Reading = "")]
        public static void Rule()
        {
        }
    }

    private static class NoSuchShape
    {
        [Check("IOMMU-MAP-D-03", Does = "", Reading = "", Shape = "Nothing")]
        public static void Rule(CheckContext check) => _ = check;
    }

    private static class SameTwice
    {
        [Check("IOMMU-MAP-D-03", Does = "", Reading = "")]
        public static void Rule(CheckContext check) => _ = check;

        [Check("IOMMU-MAP-D-03", Does = "", Reading = "")]
        public static void RULE(CheckContext check) => _ = check;
    }
}
