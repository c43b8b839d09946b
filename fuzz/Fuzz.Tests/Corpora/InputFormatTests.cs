using System.Text;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Tests.Corpora;

public class InputFormatTests
{
    [Theory]
    [InlineData("request", 1900)]
    [InlineData("sequence", 1000)]
    public void A_file_of_an_input_stands_for_one_that_does_the_same_and_is_text_where_text_says_it_all(string name, int mostlyText)
    {
        var target = TargetList.Find(name);
        using var executor = new TargetHost(target).Plain();
        var seeds = target.Seeds().Select(seed => seed.Input).ToArray();
        var mutator = new Mutator(target.Shape, new ValueDictionary([], []), new Random64(3));
        int text = 0;
        for (int i = 0; i < 2000; i++)
        {
            var input = mutator.Mutate(seeds[i % seeds.Length], seeds[i * 7 % seeds.Length]).ToArray();
            var file = FileForm.Of(target.Format, input);
            var read = file.Extension == target.Format.Extension ? target.Format.FromFile(file.Content) : file.Content;
            Assert.Null(executor.Execute(input));
            ulong trace = executor.Observations.Trace;
            Assert.Null(executor.Execute(read));
            Assert.Equal(trace, executor.Observations.Trace);
            // However often it is written: the same file.
            var again = FileForm.Of(target.Format, read);
            Assert.Equal((file.Name, file.Extension), (again.Name, again.Extension));
            Assert.Equal(file.Content, again.Content);
            if (file.Extension == target.Format.Extension) text++;
        }

        Assert.True(text > mostlyText, $"only {text} of 2000 inputs are text");
    }

    [Theory]
    [InlineData((int)StepKind.DeviceReset, ~(1UL << 28))]
    [InlineData((int)StepKind.DeviceReset, ~((1UL << 28) | (1UL << 29) | 4UL))]
    [InlineData((int)StepKind.SystemReset, 0UL)]
    public void Every_feature_that_a_reset_wants_is_kept_in_text(int step, ulong features)
    {
        var kind = (StepKind)step;
        var program = SequenceSeeds.Program(SequenceSeeds.Bypass(1), SequenceSeeds.Reset(kind, features), SequenceSeeds.Reset(kind));
        var file = FileForm.Of(SequenceFormat.Instance, program);
        Assert.Equal(SequenceFormat.Instance.Extension, file.Extension);
        Assert.Equal(program, SequenceFormat.Instance.FromFile(file.Content));
    }

    public static TheoryData<string, byte[]> WithoutWords => new()
    {
        { "an endpoint that does not exist", SequenceSeeds.Program(SequenceSeeds.Dma(TestBed.NoEndpoint, 0x1000, 8, isWrite: false)) },
        { "a request without a byte", SequenceSeeds.Program(SequenceSeeds.Raw([], 0, Framing.Plain)) },
        { "other features before a first reset", SequenceSeeds.Program(SequenceSeeds.Reset(StepKind.DeviceReset, 4)) },
        { "less than a header", new byte[3] },
    };

    [Theory]
    [MemberData(nameof(WithoutWords))]
    public void What_scripts_have_no_words_for_is_kept_as_its_bytes(string what, byte[] program)
    {
        var file = FileForm.Of(SequenceFormat.Instance, program);
        Assert.True(file.Extension == RawFormat.Instance.Extension, what);
        Assert.Equal(program, file.Content);
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
