using Viommu.Fuzz.Afl;
using Viommu.Fuzz.Targets;
using Viommu.Fuzz.Tests.Program;

namespace Viommu.Fuzz.Tests.Afl;

public sealed class AflDictionaryTests
{
    public static TheoryData<string> Names => [.. TargetList.All.Select(target => target.Name)];

    // Each as it stands in an input: MAP's head, VERSION_1, an available indirect descriptor, the status register, device_status, Queue Notify.
    public static TheoryData<string, byte[]> Known => new()
    {
        { "request", [3, 0, 0, 0] },
        { "sequence", [0, 0, 0, 0, 1, 0, 0, 0] },
        { "split-ring", [3, 0] },
        { "packed-ring", [0x84, 0] },
        { "transport-mmio", [0x70, 0, 0, 0] },
        { "transport-pci", [0x14, 0, 0, 0] },
        { "transport-legacy", [0x10, 0, 0, 0] },
        { "lifecycle", [0x0f, 0, 0, 0] },
        { "driver", [6, 0, 0, 0] },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void What_afl_fuzz_is_handed_is_made_of_tokens_that_it_takes(string name)
    {
        var target = TargetList.Find(name);
        var encoded = AflDictionary.Encode(target);
        var tokens = new List<string>();
        for (int at = 0; at < encoded.Length; at += 1 + encoded[at]) tokens.Add(Convert.ToHexString(encoded.AsSpan(at + 1, encoded[at])));
        Assert.InRange(tokens.Count, 20, 256);
        Assert.Equal(tokens.Count, tokens.Distinct().Count());
        Assert.All(tokens, token => Assert.InRange(token.Length / 2, 2, 128));
        Assert.Equal(AflDictionary.Tokens(target).Select(token => Convert.ToHexString(token.Bytes)), tokens);
    }

    [Theory]
    [MemberData(nameof(Known))]
    public void Numbers_of_the_spec_are_in_it_as_wide_as_inputs_have_them(string name, byte[] bytes) =>
        Assert.Contains(AflDictionary.Tokens(TargetList.Find(name)), token => token.Bytes.AsSpan().SequenceEqual(bytes));

    [Fact]
    public void Steps_of_the_seeds_are_in_it_whole()
    {
        var target = TargetList.Find("sequence");
        var first = target.Seeds().First().Input.AsSpan(SequenceShape.HeaderSize, SequenceShape.StepSize).ToArray();
        Assert.Contains(AflDictionary.Tokens(target), token => token.Bytes.AsSpan().SequenceEqual(first));
    }

    [Fact]
    public void It_is_printed_as_a_file_with_a_line_for_each_token()
    {
        using var fuzz = new FuzzRun();
        Assert.Equal(0, fuzz.Run("afl", "request", "--dictionary"));
        var lines = fuzz.Output.TrimEnd().Split('\n');
        Assert.StartsWith("# request", lines[0]);
        Assert.Equal(AflDictionary.Tokens(TargetList.Find("request")).Count, lines.Length - 1);
        Assert.All(lines[1..], line => Assert.Matches("^[a-z0-9_]+=\"(\\\\x[0-9a-f]{2})+\"$", line));
    }
}
