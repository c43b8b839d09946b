using System.Text;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Tests.Corpora;

public class InputFormatTests
{
    [Theory]
    [InlineData("request")]
    [InlineData("sequence")]
    public void Text_of_an_input_stands_for_an_input_that_does_the_same_and_has_the_same_text(string name)
    {
        var target = TargetList.Find(name);
        using var executor = new TargetHost(target).Plain();
        var seeds = target.Seeds().Select(seed => seed.Input).ToArray();
        var mutator = new Mutator(target.Shape, new ValueDictionary([], []), new Random64(3));
        int same = 0;
        for (int i = 0; i < 2000; i++)
        {
            var input = mutator.Mutate(seeds[i % seeds.Length], seeds[i * 7 % seeds.Length]).ToArray();
            var text = target.Format.ToFile(input);
            var read = target.Format.FromFile(text);
            Assert.Equal(Encoding.UTF8.GetString(text), Encoding.UTF8.GetString(target.Format.ToFile(read)));
            Assert.Null(executor.Execute(input));
            ulong trace = executor.Observations.Trace;
            Assert.Null(executor.Execute(read));
            // What scripts have no words for is left out: accesses of endpoints that do not exist, requests without a byte.
            same += executor.Observations.Trace == trace ? 1 : 0;
        }

        Assert.True(same > 1500, $"only {same} of 2000 inputs do the same after they were text");
    }

    [Fact]
    public void Seeds_do_exactly_the_same_after_they_were_text()
    {
        foreach (var target in TargetList.All)
        {
            using var executor = new TargetHost(target).Plain();
            foreach (var seed in target.Seeds())
            {
                Assert.Null(executor.Execute(seed.Input));
                ulong trace = executor.Observations.Trace;
                Assert.Null(executor.Execute(target.Format.FromFile(target.Format.ToFile(seed.Input))));
                Assert.Equal(trace, executor.Observations.Trace);
            }
        }
    }

    [Theory]
    [InlineData("viommu-script 1\nfrobnicate\n")]
    [InlineData("viommu-script 1\n# fuzz: bed=99\nreset\n")]
    [InlineData("nothing")]
    public void A_text_that_is_no_script_is_refused_with_its_place(string text)
    {
        var refusal = Assert.Throws<FormatException>(() => SequenceFormat.Instance.FromFile(Encoding.UTF8.GetBytes(text)));
        Assert.NotEmpty(refusal.Message);
    }

    [Fact]
    public void A_program_reads_as_one_operation_a_line_with_symbols()
    {
        string text = Encoding.UTF8.GetString(SequenceFormat.Instance.ToFile(SequenceSeeds.All().First().Input));
        Assert.Contains("\nattach domain=1 endpoint=ep0\n", text);
        Assert.Contains("\nmap domain=1 virt=0x1000..0x1fff phys=ram+0x0 flags=RW\n", text);
        Assert.Contains("\ndma ep0 write 0x1ff0 length=16\n", text);
    }
}
