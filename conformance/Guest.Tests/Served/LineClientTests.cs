using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Served;
using Viommu.Guest.Tests.Support;

namespace Viommu.Guest.Tests.Served;

/// <summary>The client against a peer that says whatever it likes.</summary>
public sealed class LineClientTests : IDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Late = TimeSpan.FromMinutes(1);

    private readonly LocalPeer _peer = new();
    private readonly LineClient _client;

    public LineClientTests() => _client = new LineClient(_peer, Late) { Name = "mine" };

    public void Dispose() => _peer.Dispose();

    [Fact]
    public async Task A_command_is_a_line_and_so_is_its_answer()
    {
        var value = Task.Run(() => _client.AskForNumber("read mmio 0x10 4", 4));
        Assert.Equal("read mmio 0x10 4\n", _peer.Hear());
        foreach (var piece in "OK 0xfFfFfFfF\r\n") _peer.Say(piece.ToString());
        Assert.Equal(uint.MaxValue, await value);
    }

    [Theory]
    [InlineData("NO such bits\n", "No", "such bits")]
    [InlineData("FAULT 00ff\n", "Fault", "00ff")]
    [InlineData("OK\n", "Ok", "")]
    public async Task The_first_word_of_an_answer_is_its_kind(string line, string kind, string text)
    {
        var answer = Task.Run(() => _client.Ask("anything"));
        _peer.Hear();
        _peer.Say(line);
        Assert.Equal((kind, text), ((await answer).Kind.ToString(), (await answer).Text));
    }

    [Fact]
    public async Task An_adapter_that_cannot_is_not_the_device_s_fault_and_goes_on()
    {
        var first = Task.Run(() => _client.Ask("reset"));
        _peer.Hear();
        _peer.Say("ERR no\u001b[2J power switch\n");
        var failure = await Assert.ThrowsAsync<GuestSetupException>(() => first);
        Assert.Equal("mine cannot do 'reset': no?[2J power switch", failure.Message);
        Assert.False(_client.HasFailed);

        var second = Task.Run(() => _client.AskForText("settle"));
        _peer.Hear();
        _peer.Say("OK\n");
        Assert.Equal("", await second);
    }

    [Theory]
    [InlineData("OK\n")]
    [InlineData("OK 0x\n")]
    [InlineData("OK 0x12 \n")]
    [InlineData("OK 12\n")]
    [InlineData("OK -0x1\n")]
    [InlineData("OK 0x112345678\n")]
    [InlineData("OKAY 0x1\n")]
    [InlineData("FAULT\n")]
    [InlineData("NO\n")]
    [InlineData("\n")]
    [InlineData("INFO my-vmm 1.0 is up\n")]
    [InlineData("\u001b[2J\u0000\u00ff garbage\n")]
    public async Task A_wrong_answer_is_named_and_nothing_is_believed_afterwards(string line)
    {
        var value = Task.Run(() => _client.AskForNumber("read mmio 0x0 4", 4));
        _peer.Hear();
        _peer.Say(line);
        var failure = await Assert.ThrowsAsync<TargetHungException>(() => value);
        Assert.Contains("answered 'read mmio 0x0 4' by '", failure.Message, StringComparison.Ordinal);
        Assert.Contains("not the protocol", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(failure.Message, char.IsControl);
        Assert.Equal("farewell", failure.LastWords);
        Assert.Throws<TargetHungException>(() => _client.Tell("settle"));
    }

    [Fact]
    public async Task Two_answers_to_one_command_are_one_too_many()
    {
        var first = Task.Run(() => _client.Ask("settle"));
        _peer.Hear();
        _peer.Say("OK\nOK\n");
        await first;
        var failure = Assert.Throws<TargetHungException>(() => _client.Ask("settle"));
        Assert.Contains("said what it was not asked for: 'OK'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Silence_ends_at_the_deadline()
    {
        var failure = Assert.Throws<TargetHungException>(() => _client.Ask("settle", Soon));
        Assert.Equal("mine did not answer 'settle' within 0.3 s", failure.Message);
        _peer.Say("OK\n");
        Assert.Throws<TargetHungException>(() => _client.Ask("settle"));
    }

    [Fact]
    public async Task A_line_without_end_is_given_up_at_its_greatest_length()
    {
        var value = Task.Run(() => _client.Ask("settle"));
        _peer.Hear();
        var flood = Task.Run(() =>
        {
            while (!_peer.IsKilled) _peer.Say(new string('A', 4000));
        });
        var failure = await Assert.ThrowsAsync<TargetHungException>(() => value);
        Assert.Contains("line that does not end", failure.Message, StringComparison.Ordinal);
        Assert.InRange(failure.Message.Length, 1, 250);
        _peer.Dispose();
        await Assert.ThrowsAsync<IOException>(() => flood);
    }

    [Fact]
    public async Task The_longest_line_is_taken()
    {
        var bytes = new string('a', 2 * ServedBusMaster.LongestAccess);
        var value = Task.Run(() => _client.AskForText("dma"));
        _peer.Hear();
        _peer.Say($"OK {bytes}\n");
        Assert.Equal(bytes, await value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("OK 0x1")]
    public void A_closed_connection_is_a_death(string before)
    {
        _peer.Say(before);
        _peer.HangUp();
        // What is there before the command is asked is not its answer; what is there of it is none.
        if (before.Length > 0) Assert.Throws<TargetHungException>(() => _client.Ask("settle"));
        else Assert.Equal("mine ended with exit code 7", Assert.Throws<TargetDiedException>(() => _client.Ask("settle")).Message);
    }

    [Fact]
    public async Task An_answer_that_breaks_off_is_a_death()
    {
        var value = Task.Run(() => _client.Ask("settle"));
        _peer.Hear();
        _peer.Say("OK 0x1");
        _peer.HangUp();
        Assert.Equal("farewell", (await Assert.ThrowsAsync<TargetDiedException>(() => value)).LastWords);
    }

    [Fact]
    public async Task A_call_that_waits_can_be_ended_from_another_thread()
    {
        var value = Task.Run(() => _client.Ask("settle"));
        _peer.Hear();
        _client.Abort();
        await Assert.ThrowsAsync<TargetDiedException>(() => value);
    }

    [Fact]
    public void A_peer_that_stops_reading_does_not_block_for_ever()
    {
        // Longer than any pipe holds.
        var failure = Assert.Throws<TargetHungException>(() => _client.Ask(new string('x', 4 << 20), Soon));
        Assert.Contains("did not answer 'xxx", failure.Message, StringComparison.Ordinal);
    }
}
