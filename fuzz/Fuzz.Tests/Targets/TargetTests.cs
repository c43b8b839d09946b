using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Tests.Targets;

public class TargetTests
{
    public static TheoryData<string> Names => [.. TargetList.All.Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Seeds_break_nothing_and_reach_states(string name)
    {
        var target = TargetList.Find(name);
        using var executor = new TargetHost(target).Plain();
        Assert.NotEmpty(target.Seeds());
        foreach (var seed in target.Seeds())
        {
            Assert.Null(executor.Execute(seed.Input));
            Assert.NotEmpty(executor.Observations.States.ToArray());
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_reference_device_survives_what_is_made_of_the_seeds_and_the_same_input_does_the_same(string name)
    {
        var target = TargetList.Find(name);
        using var executor = new TargetHost(target).Plain();
        using var again = new TargetHost(target).Plain();
        var seeds = target.Seeds().Select(seed => seed.Input).ToArray();
        var mutator = new Mutator(target.Shape, new ValueDictionary(target.Values, target.Tokens), new Random64(11));
        for (int i = 0; i < 3_000; i++)
        {
            var input = mutator.Mutate(seeds[i % seeds.Length], seeds[(i / seeds.Length) % seeds.Length]);
            var finding = executor.Execute(input);
            Assert.True(finding is null, $"{finding} by {Convert.ToHexString(input)}");
            if (i % 8 != 0) continue;
            Assert.Null(again.Execute(input));
            Assert.Equal(executor.Observations.Trace, again.Observations.Trace);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Any_bytes_are_an_input(string name)
    {
        var target = TargetList.Find(name);
        using var executor = new TargetHost(target).Plain();
        var random = new Random64(5);
        for (int length = 0; length < 300; length++)
        {
            var input = new byte[length];
            for (int i = 0; i < length; i++) input[i] = (byte)random.Next();
            var finding = executor.Execute(input);
            Assert.True(finding is null, $"{finding} by {Convert.ToHexString(input)}");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Instrumented_code_answers_as_the_code_that_was_compiled(string name)
    {
        var target = TargetList.Find(name);
        using var plain = new TargetHost(target).Plain();
        using var instrumented = new TargetHost(target).Instrumented();
        foreach (var seed in target.Seeds())
        {
            Assert.Null(plain.Execute(seed.Input));
            instrumented.Counters.Clear();
            Assert.Null(instrumented.Execute(seed.Input));
            Assert.Equal(plain.Observations.Trace, instrumented.Observations.Trace);
            Assert.True(instrumented.Counters.IndexOfAnyExcept((byte)0) >= 0);
        }
    }

    [Theory]
    [InlineData("request")]
    [InlineData("sequence")]
    [InlineData("split-ring")]
    [InlineData("packed-ring")]
    [InlineData("transport-mmio")]
    [InlineData("transport-pci")]
    [InlineData("transport-legacy")]
    public void An_execution_allocates_nothing(string name)
    {
        var target = TargetList.Find(name);
        using IExecutor executor = new TargetHost(target).Instrumented();
        var seeds = target.Seeds().Select(seed => seed.Input).ToArray();
        Assert.Equal(0, Allocation.LeastOf(() =>
        {
            foreach (var seed in seeds) executor.Execute(seed);
        }));
    }
}
