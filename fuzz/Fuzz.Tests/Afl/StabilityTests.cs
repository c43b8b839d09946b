using Viommu.Fuzz.Afl;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Tests.Afl;

public class StabilityTests
{
    /// <summary>AFL++ calibrates an input with its first runs: what switches a machine on is not to be among them.</summary>
    [Theory]
    [InlineData("request")]
    [InlineData("sequence")]
    [InlineData("split-ring")]
    [InlineData("lifecycle")]
    public void The_first_run_of_an_input_reaches_little_that_the_second_does_not(string name)
    {
        var target = TargetList.Find(name);
        using var executor = new AflServer(target, "model").NewExecutor();
        Assert.Equal(-1, executor.Counters.IndexOfAnyExcept((byte)0));
        byte[] input = target.Seeds().Last().Input;
        var (first, second) = (Run(), Run());
        int both = Enumerable.Range(0, first.Length).Count(edge => first[edge] != 0 && second[edge] != 0);
        int once = Enumerable.Range(0, first.Length).Count(edge => first[edge] != 0 != (second[edge] != 0));
        Assert.InRange(once, 0, both / 20);

        byte[] Run()
        {
            Assert.Null(executor.Execute(input));
            byte[] counters = executor.Counters.ToArray();
            executor.Counters.Clear();
            return counters;
        }
    }
}
