using Viommu.Guest.Targets.Processes;

namespace Viommu.Guest.Tests.Processes;

public class OutputTailTests
{
    [Fact]
    public void The_last_lines_are_kept_and_an_unfinished_one_counts()
    {
        var tail = new OutputTail(2);
        tail.Append("one\ntwo\nthr"u8);
        tail.Append("ee\n\nfour"u8);
        Assert.Equal(["two", "three", "four"], tail.Lines);
    }

    [Fact]
    public void Control_and_format_characters_are_removed()
    {
        var tail = new OutputTail(5);
        tail.Append("\u001b[31mred\u0007\tand\u202eback\r\n"u8);
        Assert.Equal(["[31mred andback"], tail.Lines);
    }

    [Fact]
    public void An_endless_line_is_cut()
    {
        var tail = new OutputTail(5);
        for (var i = 0; i < 1000; i++) tail.Append(new byte[1000].Select(_ => (byte)'x').ToArray());
        tail.Append("\nnext\n"u8);
        Assert.Equal(400, tail.Lines[0].Length);
        Assert.Equal("next", tail.Lines[1]);
    }
}
