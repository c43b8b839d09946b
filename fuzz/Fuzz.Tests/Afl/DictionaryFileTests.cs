using System.Text;
using Viommu.Conformance.Program;
using Viommu.Fuzz.Afl;
using Viommu.Fuzz.Targets;
using Viommu.Fuzz.Tests.Program;

namespace Viommu.Fuzz.Tests.Afl;

public sealed class DictionaryFileTests
{
    [Fact]
    public void Every_form_of_a_token_is_read() => Assert.Equal(
        ["01FF", "612062", "5C22", "3D", "7A", "7A"],
        DictionaryFile.Parse("mine.dict", """
            # a comment, and an empty line

            number="\x01\xfF"
            with_blank = "a b"
              indented@3="\\\""
            "="
            with.dots-and-dashes="z"
            "z"
            """).Select(Convert.ToHexString));

    [Theory]
    [InlineData("magic", "there is no token in quotes")]
    [InlineData("magic=\"", "no closing quote at the end of the line")]
    [InlineData("magic=\"a\" # why", "no closing quote at the end of the line")]
    [InlineData("magic \"a\"", "'magic' before the token is no name with '=' behind it")]
    [InlineData("ma/gic=\"a\"", "'/' cannot stand in a name")]
    [InlineData("magic=\"\"", "the token is empty")]
    [InlineData("magic=\"a\"b\"", "a quote in the token has to be written \\\"")]
    [InlineData("magic=\"a\tb\"", "the byte 0x09 has to be written \\x09")]
    [InlineData("magic=\"\\n\"", "'\\n' is unknown; there are \\\\, \\\" and \\xNN")]
    [InlineData("magic=\"\\x1\"", "\\x takes two hexadecimal digits")]
    [InlineData("magic=\"\\xg0\"", "\\x takes two hexadecimal digits")]
    [InlineData("magic=\"a\\\"", "its last is escaped")]
    public void A_mistake_is_told_with_file_line_and_cause(string line, string cause)
    {
        var error = Assert.Throws<UsageException>(() => DictionaryFile.Parse("mine.dict", $"one=\"1\"\n\n{line}\n"));
        Assert.StartsWith("mine.dict:3: ", error.Message);
        Assert.Contains(cause, error.Message);
    }

    [Fact]
    public void A_token_is_no_longer_than_afl_takes_it()
    {
        Assert.Single(DictionaryFile.Parse("mine.dict", $"\"{new string('a', 128)}\""));
        var error = Assert.Throws<UsageException>(() => DictionaryFile.Parse("mine.dict", $"\"{new string('a', 129)}\""));
        Assert.Equal("mine.dict:1: the token has 129 bytes, more than 128", error.Message);
    }

    [Theory]
    [InlineData("broken=\"\\q\"\n", ":1: '\\q' is unknown")]
    [InlineData("# nothing\n", ": has no token")]
    [InlineData(null, ": cannot be read")]
    public void A_campaign_with_a_file_that_cannot_be_used_does_not_begin(string? text, string message)
    {
        using var fuzz = new FuzzRun();
        string file = fuzz.PathOf("mine.dict");
        if (text is not null) File.WriteAllText(file, text);
        Assert.Equal(3, fuzz.Run("run", "request", "--runs", "10", "--report", fuzz.PathOf("out"), "--dictionary", file));
        Assert.StartsWith($"fuzz: {file}{message}", fuzz.Error);
        Assert.False(Directory.Exists(fuzz.PathOf("out")));
    }

    [Fact]
    public void What_afl_is_handed_is_read_again()
    {
        var target = TargetList.Find("parsers");
        Assert.Equal(AflDictionary.Tokens(target).Select(token => token.Bytes), DictionaryFile.Parse("printed.dict", AflDictionary.ToText(target)));
    }

    [Fact]
    public void A_campaign_is_run_with_a_file()
    {
        using var fuzz = new FuzzRun();
        File.WriteAllBytes(fuzz.PathOf("mine.dict"), Encoding.ASCII.GetBytes("word=\"\\x01\\x02\"\n"));
        Assert.Equal(0, fuzz.Run("run", "request", "--runs", "500", "--seed", "1", "--report", fuzz.PathOf("out"), "--dictionary", fuzz.PathOf("mine.dict")));
    }
}
