using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Guests;

namespace Viommu.Fuzz.Tests.Guests;

public class LieFileTests
{
    [Fact]
    public void What_is_printed_is_read_again()
    {
        for (int boot = 0; boot < 50; boot++)
        {
            var lies = GuestCampaign.LiesOf(7, boot);

            var read = LieFile.Parse(new LieFile("stir:25,read", lies).Print(["a comment", "steps of somebody else"]), "file");

            Assert.Equal("stir:25,read", read.Steps);
            Assert.Equal(lies.Select(lie => lie.ToString()), read.Lies.Select(lie => lie.ToString()));
        }
    }

    [Fact]
    public void Lies_come_from_the_seed_and_the_boot_alone()
    {
        Assert.Equal(Text(1, 3), Text(1, 3));
        Assert.NotEqual(Text(1, 3), Text(1, 4));
        Assert.NotEqual(Text(1, 3), Text(2, 3));

        static string Text(ulong seed, int boot) => string.Join('\n', GuestCampaign.LiesOf(seed, boot));
    }

    [Fact]
    public void Lies_are_told_in_their_order_and_of_every_kind()
    {
        var all = Enumerable.Range(0, 40).Select(boot => GuestCampaign.LiesOf(1, boot)).ToList();

        Assert.All(all, lies => Assert.Equal(lies.OrderBy(lie => lie.Request), lies));
        Assert.All(Enum.GetValues<LieKind>(), kind => Assert.Contains(all, lies => lies.Any(lie => lie.Kind == kind)));
    }

    [Theory]
    [InlineData("", "steps")]
    [InlineData("viommu-lies 2\nsteps read", "file:1: ")]
    [InlineData("viommu-lies 1\n1 status 03", "steps")]
    [InlineData("viommu-lies 1\nsteps read; reboot", "steps")]
    [InlineData("viommu-lies 1\nsteps read\n\nx status 03", "file:4: ")]
    [InlineData("viommu-lies 1\nsteps read\n-1 status 03", "file:3: ")]
    [InlineData("viommu-lies 1\nsteps read\n99999999999 status 03", "file:3: ")]
    [InlineData("viommu-lies 1\nsteps read\n1 murder 03", "file:3: ")]
    [InlineData("viommu-lies 1\nsteps read\n1 0 03", "file:3: ")]
    [InlineData("viommu-lies 1\nsteps read\n1 status", "file:3: ")]
    [InlineData("viommu-lies 1\nsteps read\n1 status 3", "file:3: ")]
    [InlineData("viommu-lies 1\nsteps read\n1 status zz", "file:3: ")]
    [InlineData("viommu-lies 1\nsteps read\n0 config 0000\n0 status 03", "file:4: ")]
    [InlineData("viommu-lies 1\nsteps read\n0 changed 01", "file:3: ")]
    public void What_is_no_such_file_is_refused_with_where_and_why(string text, string complaint) =>
        Assert.Contains(complaint, Assert.Throws<CorpusException>(() => LieFile.Parse(text, "file")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_file_that_is_not_there_is_named() =>
        Assert.Contains("/no/such.lies", Assert.Throws<CorpusException>(() => LieFile.Read("/no/such.lies")).Message, StringComparison.Ordinal);
}
