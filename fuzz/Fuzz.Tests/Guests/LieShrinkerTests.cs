using Viommu.Fuzz.Guests;

namespace Viommu.Fuzz.Tests.Guests;

public class LieShrinkerTests
{
    private static readonly Lie[] Lies = [.. Enumerable.Range(1, 400).Select(request => new Lie(request, LieKind.Status, [3]))];

    [Theory]
    [InlineData(1)]
    [InlineData(200)]
    [InlineData(400)]
    public void One_lie_that_is_to_blame_is_found(int guilty)
    {
        var fewest = new LieShrinker(lies => lies.Any(lie => lie.Request == guilty), _ => { }, CancellationToken.None).Shrink(Lies)!;

        Assert.Equal([guilty], fewest.Select(lie => lie.Request));
    }

    [Fact]
    public void Two_that_are_to_blame_together_stay_together()
    {
        var fewest = new LieShrinker(lies => lies.Any(lie => lie.Request == 3) && lies.Any(lie => lie.Request == 5), _ => { }, CancellationToken.None).Shrink(Lies[..8])!;

        Assert.Equal([3, 5], fewest.Select(lie => lie.Request));
    }

    [Fact]
    public void What_does_not_show_a_second_time_is_not_shrunk()
    {
        int boots = 0;

        Assert.Null(new LieShrinker(_ => ++boots < 0, _ => { }, CancellationToken.None).Shrink(Lies));

        Assert.Equal(1, boots);
    }

    [Fact]
    public void What_is_left_of_them_is_told_each_time()
    {
        var told = new List<int>();

        new LieShrinker(lies => lies.Any(lie => lie.Request == 1), lies => told.Add(lies.Count), CancellationToken.None).Shrink(Lies[..8]);

        Assert.Equal([4, 2, 1], told);
    }

    [Fact]
    public void It_takes_no_more_boots_than_anybody_waits_for()
    {
        int boots = 0;

        new LieShrinker(_ => ++boots == 1, _ => { }, CancellationToken.None).Shrink(Lies);

        Assert.Equal(24, boots);
    }

    [Fact]
    public void A_user_who_has_had_enough_is_not_kept_waiting()
    {
        var fewest = new LieShrinker(_ => throw new InvalidOperationException("a boot"), _ => { }, new CancellationToken(canceled: true)).Shrink(Lies)!;

        Assert.Equal(Lies, fewest);
    }
}
