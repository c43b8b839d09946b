using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Processes;
using Viommu.Guest.Targets.Qemu;

namespace Viommu.Guest.Tests.Qemu;

/// <summary>The client against a server that says whatever it likes.</summary>
public sealed class QtestClientTests : IDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Late = TimeSpan.FromMinutes(5);

    private readonly Socket _server;
    private readonly QtestClient _client;
    private readonly Peer _peer = new();

    public QtestClientTests() => (_server, _client) = Connect(Late, _peer);

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    [Fact]
    public void Answers_are_matched_past_interrupt_lines()
    {
        Say("IRQ raise 1\nOK 0x00000000000000ab\nIRQ lower 1\nIRQ raise 2\nOK\nOK 0x7\n");
        Assert.Equal(0xabul, _client.Read(0x1000, 1));
        _client.PostOut(0xcf8, 4, 0x8000_0000);
        Assert.Equal(7u, _client.In(0xcfc, 2));
        Assert.Equal("readb 0x1000\noutl 0xcf8 0x80000000\ninw 0xcfc\n", Heard());
    }

    [Fact]
    public void Commands_of_one_exchange_are_sent_together_and_each_answer_is_taken()
    {
        Say("OK\nOK\nOK 0x1\nOK 0x2\n");
        _client.PostWrite(0x10, 8, ulong.MaxValue);
        _client.PostWrite(0x18, 1, 0xfff);
        Assert.Equal(1ul, _client.Read(0x20, 8));
        Assert.Equal(2ul, _client.Read(0x20, 4));
        Assert.Equal("writeq 0x10 0xffffffffffffffff\nwriteb 0x18 0xff\nreadq 0x20\nreadl 0x20\n", Heard());
    }

    [Fact]
    public async Task An_answer_in_pieces_is_one_answer()
    {
        var answer = Task.Run(() => _client.Read(0, 4));
        foreach (var piece in "OK 0x1234\n") Say(piece.ToString());
        Assert.Equal(0x1234ul, await answer);
    }

    [Theory]
    [InlineData("FAIL Unknown command 'readl'\n")]
    [InlineData("OK\n")]
    [InlineData("OK 0x\n")]
    [InlineData("OK 0x12 \n")]
    [InlineData("OK 0xnonsense\n")]
    [InlineData("OK 0x112345678\n")]
    [InlineData("OKAY 0x1\n")]
    [InlineData("\n")]
    [InlineData("\u001b[2J\u0000garbage\n")]
    public void A_wrong_answer_is_named_and_nothing_is_believed_afterwards(string answer)
    {
        Say(answer + "OK 0x1\n");
        var failure = Assert.Throws<TargetHungException>(() => _client.Read(0, 4));
        Assert.Contains("not the qtest protocol", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(failure.Message, char.IsControl);
        Assert.Equal("farewell", failure.LastWords);
        Assert.Throws<TargetHungException>(() => _client.Read(0, 4));
    }

    [Fact]
    public void Silence_ends_at_the_deadline()
    {
        var clock = Stopwatch.StartNew();
        var failure = Assert.Throws<TargetHungException>(() => _client.Ping(Soon));
        Assert.Contains("did not answer within 0.3 s", failure.Message, StringComparison.Ordinal);
        Assert.InRange(clock.Elapsed, Soon, Late);
    }

    [Fact]
    public void An_answer_that_is_there_is_taken_however_late_it_is_looked_for()
    {
        Say("OK\n");
        _client.Ping(TimeSpan.Zero);
    }

    [Fact]
    public void A_peer_that_works_without_answering_hangs_before_the_deadline()
    {
        var (server, client) = Connect(Late, new Peer { WorkOfOneLook = TimeSpan.FromMilliseconds(100) });
        using (server)
        using (client)
        {
            client.MostWork = TimeSpan.FromMilliseconds(250);
            var failure = Assert.Throws<TargetHungException>(client.Ping);
            Assert.Contains("but worked for 0.25 s", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_peer_that_gets_no_processor_has_until_the_deadline()
    {
        _client.MostWork = TimeSpan.FromTicks(1);
        var failure = Assert.Throws<TargetHungException>(() => _client.Ping(Soon));
        Assert.Contains("did not answer within 0.3 s", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_interrupt_line_is_awaited_without_a_word()
    {
        Say("OK\nIRQ raise 20\n");
        _client.Intercept("ioapic");
        Assert.True(_client.AwaitRaised(20, Late));
        Assert.False(_client.AwaitRaised(21, TimeSpan.Zero));
        Assert.Equal(20, _client.LastRaised);
        Say("OK\n");
        _client.Ping();
        Assert.True(_client.AwaitRaised(20, TimeSpan.Zero));
        Say("IRQ lower 20\nOK\n");
        _client.Ping();
        Assert.False(_client.AwaitRaised(20, TimeSpan.Zero));
        Assert.Equal("irq_intercept_in ioapic\nendianness\nendianness\n", Heard());
    }

    [Theory]
    [InlineData("OK\n", "'OK'")]
    [InlineData("IRQ raise 1\nnonsense\n", "'nonsense'")]
    public void What_was_not_asked_for_is_no_interrupt(string unasked, string shown)
    {
        Say(unasked);
        var failure = Assert.Throws<TargetHungException>(() => _client.AwaitRaised(20, Late));
        Assert.Contains(shown, failure.Message, StringComparison.Ordinal);
        Assert.Throws<TargetHungException>(_client.Ping);
    }

    [Theory]
    [InlineData("IRQ raise\n")]
    [InlineData("IRQ raise 64\n")]
    [InlineData("IRQ raise -1\n")]
    [InlineData("IRQ turn 3\n")]
    public void An_interrupt_line_that_there_is_not_is_passed_over(string line)
    {
        Say(line + "OK\n");
        _client.Ping();
        Assert.Null(_client.LastRaised);
    }

    [Fact]
    public void A_line_without_end_is_given_up_at_its_greatest_length()
    {
        Say(new string('A', 3000));
        var failure = Assert.Throws<TargetHungException>(_client.Ping);
        Assert.Contains("line that does not end", failure.Message, StringComparison.Ordinal);
        Assert.True(failure.Message.Length < 200);
    }

    [Fact]
    public async Task A_flood_of_interrupt_lines_ends_at_the_deadline()
    {
        var lines = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("IRQ raise 1\n", 300)));
        var flood = Task.Run(() =>
        {
            while (true) _server.Send(lines);
        });
        Assert.Throws<TargetHungException>(() => _client.Ping(Soon));
        _client.Dispose();
        await Assert.ThrowsAsync<SocketException>(() => flood);
    }

    [Theory]
    [InlineData("")]
    [InlineData("OK 0x12")]
    public void A_closed_connection_is_a_death(string before)
    {
        Say(before);
        _server.Dispose();
        var death = Assert.Throws<TargetDiedException>(() => _client.Read(0, 4));
        Assert.Equal("QEMU ended with exit code 7", death.Message);
        Assert.Equal("farewell", death.LastWords);
        Assert.Throws<TargetDiedException>(_client.Ping);
    }

    [Fact]
    public void A_peer_that_stops_reading_does_not_block_for_ever()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _client.Read(0, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => _client.In(0, 8));
        var (server, client) = Connect(Soon, _peer);
        using (server)
        using (client)
        {
            server.Send(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("OK\n", 1000))));
            Assert.Throws<TargetHungException>(() =>
            {
                for (var i = 0; i < 1_000_000; i++) client.Ping();
            });
        }
    }

    private static (Socket Server, QtestClient Client) Connect(TimeSpan deadline, Peer peer)
    {
        var path = Path.Combine(Path.GetTempPath(), $"qtest-{Guid.NewGuid():n}");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        server.Connect(new UnixDomainSocketEndPoint(path));
        var client = new QtestClient(listener.Accept(), deadline, peer);
        File.Delete(path);
        return (server, client);
    }

    private void Say(string text)
    {
        if (text.Length > 0) _server.Send(Encoding.Latin1.GetBytes(text));
    }

    private string Heard()
    {
        var buffer = new byte[4096];
        return Encoding.ASCII.GetString(buffer, 0, _server.Receive(buffer));
    }

    private sealed class Peer : IPeer
    {
        public string LastWords => "farewell";

        private TimeSpan _work;

        public TimeSpan WorkOfOneLook { get; init; }

        public TimeSpan ProcessorTime => _work += WorkOfOneLook;

        public string HowItEnded() => "ended with exit code 7";
    }
}
