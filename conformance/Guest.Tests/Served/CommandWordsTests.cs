using Viommu.Guest.Targets.Served;

namespace Viommu.Guest.Tests.Served;

public class CommandWordsTests
{
    [Theory]
    [InlineData("vmm", "vmm")]
    [InlineData("  ./vmm  --iommu\t1 ", "./vmm|--iommu|1")]
    [InlineData("sh -c 'exec a \"b\" \\c'", "sh|-c|exec a \"b\" \\c")]
    [InlineData("sh -c \"a 'b' \\\"c\\\"\"", "sh|-c|a 'b' \"c\"")]
    [InlineData("/opt/my\\ vmm/a'  'b'' ''", "/opt/my vmm/a  b|")]
    [InlineData("py -c \"print('a\\n', r'\\d')\"", "py|-c|print('a\\n', r'\\d')")]
    [InlineData("a \"\\\\n \\$b \\`c \\'d\" \\n", "a|\\n $b `c \\'d|n")]
    [InlineData("ssh host:22 a=b,c", "ssh|host:22|a=b,c")]
    public void A_command_is_parted_as_a_shell_would(string command, string words) => Assert.Equal(words.Split('|'), CommandWords.Of(command));

    [Theory]
    [InlineData("", "names no program")]
    [InlineData("   ", "names no program")]
    [InlineData("''", "names no program")]
    [InlineData("a 'b", "a ' does not end")]
    [InlineData("a \"b'", "a \" does not end")]
    [InlineData("a \"b\\\"", "a \" does not end")]
    [InlineData("a \"b\\", "a \" does not end")]
    [InlineData("a \\", "nothing behind its last backslash")]
    public void A_command_that_is_none_is_refused(string command, string complaint) =>
        Assert.Contains(complaint, Assert.Throws<FormatException>(() => CommandWords.Of(command)).Message, StringComparison.Ordinal);
}
