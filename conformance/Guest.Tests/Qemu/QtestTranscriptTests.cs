using Viommu.Guest.Targets.Qemu;
using Viommu.Guest.Tests.Support;

namespace Viommu.Guest.Tests.Qemu;

public sealed class QtestTranscriptTests
{
    private readonly QtestTranscript transcript = new();

    [Fact]
    public void Of_much_memory_only_what_changes_is_told()
    {
        var before = new byte[200];
        var after = new byte[200];
        (after[10], after[20], after[150]) = (1, 2, 3);
        transcript.Wrote(0x1000, before, after);
        transcript.Read(0x2000, before, after);
        transcript.Read(0x3000, after, after);
        Assert.Equal(
            [
                ("write 0x100a 0xb 0x0100000000000000000002", null), ("write 0x1096 0x1 0x03", null),
                ("read 0x200a 0xb", "0x0100000000000000000002"), ("read 0x2096 0x1", "0x03"),
            ],
            Told());
    }

    [Fact]
    public void Of_little_memory_everything_is_told()
    {
        transcript.Wrote(0x1000, [1, 2], [1, 2]);
        transcript.Read(0x1000, [1, 2], [1, 2]);
        transcript.Read(0x1000, [], []);
        Assert.Equal([("write 0x1000 0x2 0x0102", null), ("read 0x1000 0x2", "0x0102")], Told());
    }

    [Fact]
    public void Memory_that_is_filled_is_a_short_line()
    {
        transcript.Wrote(0x1000, new byte[4096], [.. Enumerable.Repeat((byte)0x5a, 4096)]);
        Assert.Equal([("memset 0x1000 0x1000 0x5a", null)], Told());
    }

    [Fact]
    public void A_look_that_was_too_early_is_a_pause()
    {
        var mark = transcript.Mark;
        transcript.Add("writel 0x10 0x1");
        transcript.Add("readl 0x10");
        transcript.Answered("0x0");
        transcript.Unsee(mark);
        transcript.Unsee(transcript.Mark);
        Assert.Equal([new QtestCommand("writel 0x10 0x1"), new QtestPause()], transcript.Entries);
    }

    [Fact]
    public void What_is_done_in_silence_or_after_the_end_is_left_out()
    {
        using (transcript.BeSilent())
        {
            using (transcript.BeSilent()) transcript.Wrote(0, [0], [1]);
            transcript.Pause();
            Assert.False(transcript.IsListening);
        }
        transcript.Close();
        transcript.BeginStep(1);
        transcript.Wrote(0, [0], [1]);
        transcript.Restart("qemu", [], []);
        Assert.Empty(transcript.Entries);
    }

    [Fact]
    public void What_the_device_has_written_meanwhile_is_seen()
    {
        var ram = new FakeRam();
        var seen = new TranscribedRam(ram, transcript);
        var at = ram.Window.First;
        seen.Write(at, new byte[100]);
        var device = new byte[100];
        device[50] = 7;
        ram.Write(at, device);
        seen.Read(at, new byte[100]);
        seen.Write(at, new byte[100]);
        Assert.Equal([($"read 0x{at + 50:x} 0x1", "0x07"), ($"write 0x{at + 50:x} 0x1 0x00", null)], Told());
    }

    private List<(string, string?)> Told() => [.. transcript.Entries.Cast<QtestCommand>().Select(command => (command.Text, command.Answer))];
}
