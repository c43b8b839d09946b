using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Engine.Minimization;

namespace Viommu.Fuzz.Tests.Engine;

public class MinimizerTests
{
    private static readonly FindingKey _door = new("door-stays-shut", "", "", "");

    [Fact]
    public void Only_the_records_and_bytes_that_the_finding_needs_are_left()
    {
        byte[] input = [9, 9, 9, 9, 9, 9, 9, 9, 0, 5, 1, 1, 0, 7, 1, 1, 0, 5, 0, 0, 0, 4, 8, 8, 0, 3, 3, 3];
        var smallest = new Minimizer(new LockedDoor(2), LockedDoor.Shape, _door).Minimize(input);
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 4, 0, 0], smallest);
    }

    [Fact]
    public void An_input_with_another_finding_is_left_as_it_is()
    {
        byte[] input = [0x00, 0xee, 0xff, 0xc0, 0x34, 0x12, 0xed, 0x5e, 0, 1, 1, 1];
        Assert.Equal(input, new Minimizer(new LockedDoor(2), LockedDoor.Shape, _door).Minimize(input));
    }

    [Fact]
    public void After_so_many_executions_or_so_long_it_takes_what_it_has()
    {
        byte[] input = [9, 9, 9, 9, 9, 9, 9, 9, 0, 5, 1, 1, 0, 7, 1, 1, 0, 5, 0, 0, 0, 4, 8, 8, 0, 3, 3, 3];
        var bounded = new Minimizer(new LockedDoor(2), LockedDoor.Shape, _door) { MaximumExecutions = 6 };
        Assert.InRange(bounded.Minimize(input).Length, 17, input.Length);
        Assert.Equal(6, bounded.Executions);
        Assert.Equal(input, new Minimizer(new LockedDoor(2), LockedDoor.Shape, _door) { MaximumTime = TimeSpan.Zero }.Minimize(input));
    }

    [Fact]
    public void A_key_survives_being_written_down()
    {
        var key = new FindingKey("IOMMU-MAP-D-01", "NullReferenceException", "A.B < C.D", "map Answer Ok");
        Assert.Equal(key, FindingKey.Parse(key.ToString()));
        Assert.Equal(key.FileName, FindingKey.Parse(key.ToString())!.FileName);
        Assert.NotEqual(key.FileName, (key with { State = "unmap" }).FileName);
    }

    [Fact]
    public void Few_small_inputs_are_chosen_that_reach_all_that_many_do()
    {
        byte[] one = [0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0];
        byte[] two = [.. one, 0, 4, 0, 0];
        byte[] nothing = [0, 0, 0, 0, 0, 0, 0, 0];
        byte[] again = [.. two, 0, 9, 0, 0];
        Assert.Equal([1, 3], CorpusCover.Choose(new LockedDoor(100), [again, one, nothing, two]));
    }
}
