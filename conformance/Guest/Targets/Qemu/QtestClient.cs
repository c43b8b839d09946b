using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Viommu.Guest.Targets.Processes;

namespace Viommu.Guest.Targets.Qemu;

/// <summary>
/// QEMU's qtest protocol: one command a line, answered in order by <c>OK</c>, <c>OK value</c> or <c>FAIL reason</c>, with
/// <c>IRQ raise n</c> and <c>IRQ lower n</c> lines at any time in between. The peer is not trusted: every answer has a deadline, and a
/// line has a greatest length.
/// </summary>
internal sealed class QtestClient : IDisposable
{
    // The longest answer to a command sent here is "OK 0x" and 16 digits; a FAIL repeats the command.
    private const int MaxLine = 512;

    // How often who waits looks up, to see whether it still should.
    private static readonly TimeSpan LookUp = TimeSpan.FromMilliseconds(20);

    // Commands are at most 50 bytes. The answers to as many as fit are far fewer bytes than a socket holds, so that neither side waits
    // for the other to read.
    private readonly byte[] _commands = new byte[4096];
    private readonly byte[] _received = new byte[4096];
    private readonly Socket _socket;
    private readonly TimeSpan _deadline;
    private readonly IPeer _peer;
    private readonly List<string> _told = [];
    private int _commandsLength;
    private int _posted;
    private int _start;
    private int _end;
    private ulong _raised;
    private Exception? _failure;

    /// <summary>Speaks over a socket that is connected; whoever takes longer than <paramref name="deadline"/> for an answer hangs.</summary>
    public QtestClient(Socket socket, TimeSpan deadline, IPeer peer)
    {
        (_socket, _deadline, _peer) = (socket, deadline, peer);
        socket.SendTimeout = (int)deadline.TotalMilliseconds;
        socket.ReceiveTimeout = (int)Min(deadline, LookUp).TotalMilliseconds;
    }

    /// <summary>
    /// Processor time after which a peer that has not answered hangs, before the deadline is over; zero where only that counts. A peer that
    /// loops is found out sooner by it, and one that gets no processor is not accused.
    /// </summary>
    public TimeSpan MostWork { get; set; }

    /// <summary>Where what is sent is kept; null where nobody asked for that.</summary>
    public QtestTranscript? Transcript { get; init; }

    /// <summary>Times that something was sent and its answers were waited for.</summary>
    public long RoundTrips { get; private set; }

    /// <summary>The interrupt line that was raised last, of those that <see cref="Intercept"/> was asked for; null where none was.</summary>
    public int? LastRaised { get; private set; }

    /// <summary>Exchanges a command without effect: QEMU's main loop has turned once when this returns.</summary>
    public void Ping() => Ping(_deadline);

    /// <summary>As <see cref="Ping()"/>, with a deadline of its own.</summary>
    public void Ping(TimeSpan within)
    {
        using (Transcript?.BeSilent()) Append($"endianness\n");
        Exchange(within);
    }

    /// <summary>Reads <paramref name="width"/> (1, 2, 4 or 8) bytes of memory-mapped registers.</summary>
    public ulong Read(ulong address, int width)
    {
        Append($"read{Suffix(width, 8)} 0x{address:x}\n");
        return ExchangeForValue(width);
    }

    /// <summary>Writes <paramref name="width"/> (1, 2, 4 or 8) bytes of memory-mapped registers.</summary>
    public void Write(ulong address, int width, ulong value)
    {
        PostWrite(address, width, value);
        Exchange(_deadline);
    }

    /// <summary>As <see cref="Write"/>, but sent with the next command and answered before it.</summary>
    public void PostWrite(ulong address, int width, ulong value) =>
        Append($"write{Suffix(width, 8)} 0x{address:x} 0x{Truncate(value, width):x}\n");

    /// <summary>Reads <paramref name="width"/> (1, 2 or 4) bytes from an I/O port.</summary>
    public uint In(int port, int width)
    {
        Append($"in{Suffix(width, 4)} 0x{port:x}\n");
        return (uint)ExchangeForValue(width);
    }

    /// <summary>Writes <paramref name="width"/> (1, 2 or 4) bytes to an I/O port.</summary>
    public void Out(int port, int width, uint value)
    {
        PostOut(port, width, value);
        Exchange(_deadline);
    }

    /// <summary>As <see cref="Out"/>, but sent with the next command and answered before it.</summary>
    public void PostOut(int port, int width, uint value) =>
        Append($"out{Suffix(width, 4)} 0x{port:x} 0x{Truncate(value, width):x}\n");

    /// <summary>Has QEMU tell of the interrupt lines that go into a device, from where they no longer arrive.</summary>
    public void Intercept(string device)
    {
        using (Transcript?.BeSilent()) Append($"irq_intercept_in {device}\n");
        Exchange(_deadline);
    }

    /// <summary>Waits until an interrupt line is raised; false where it is not in time. Nothing must have been posted.</summary>
    public bool AwaitRaised(int line, TimeSpan patience)
    {
        if (_failure is not null) throw _failure;
        var clock = Stopwatch.StartNew();
        while ((_raised >> line & 1) == 0)
        {
            if (TryTakeLine(out var text))
            {
                if (!TryNoteInterrupt(text)) throw Misbehaved("answered what it was not asked by", text);
            }
            else if (clock.Elapsed >= patience)
            {
                return false;
            }
            else
            {
                Receive();
            }
        }
        return true;
    }

    /// <summary>Makes a call that waits for an answer, on another thread, find the connection closed.</summary>
    public void Abort()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // The connection is down already, which is what is asked for.
        }
    }

    /// <summary>Closes the connection.</summary>
    public void Dispose() => _socket.Dispose();

    private void Append(string command)
    {
        _commandsLength += Encoding.ASCII.GetBytes(command, _commands.AsSpan(_commandsLength));
        _posted++;
        if (Transcript is { IsListening: true }) _told.Add(command[..^1]);
    }

    private ulong ExchangeForValue(int width)
    {
        var answer = Exchange(_deadline);
        if (answer is [(byte)'O', (byte)'K', (byte)' ', (byte)'0', (byte)'x', .. var digits]
            && Utf8Parser.TryParse(digits, out ulong value, out var consumed, 'x')
            && consumed == digits.Length
            && Truncate(value, width) == value)
        {
            if (Transcript is { IsListening: true } transcript) transcript.Answered(Encoding.ASCII.GetString(answer[3..]));
            return value;
        }
        throw Misbehaved($"answered a read of {width} bytes by", answer);
    }

    /// <summary>Sends what has been posted and takes all answers; returns the last one, which is valid until the next call.</summary>
    private ReadOnlySpan<byte> Exchange(TimeSpan within)
    {
        // After a failure commands and answers may be out of step: nothing that comes from here can be believed again.
        if (_failure is not null) throw _failure;
        var waiting = new WaitingTime();
        Send(within);
        ReadOnlySpan<byte> answer = default;
        for (; _posted > 0; _posted--)
        {
            answer = ReceiveAnswer(waiting, within);
            if (!answer.StartsWith("OK"u8) || (answer.Length > 2 && answer[2] != ' ')) throw Misbehaved("answered a command by", answer);
        }
        return answer;
    }

    private void Send(TimeSpan within)
    {
        RoundTrips++;
        // In the order in which it meets what is done to memory meanwhile.
        foreach (var command in _told) Transcript!.Add(command);
        _told.Clear();
        _socket.Send(_commands.AsSpan(0, _commandsLength), SocketFlags.None, out var error);
        if (error is SocketError.TimedOut or SocketError.WouldBlock) throw Hung($"within {Seconds(within)}");
        if (error != SocketError.Success) throw Died();
        _commandsLength = 0;
    }

    private ReadOnlySpan<byte> ReceiveAnswer(WaitingTime waiting, TimeSpan within)
    {
        TimeSpan? workBefore = null;
        while (true)
        {
            var isLine = TryTakeLine(out var line);
            if (isLine && !TryNoteInterrupt(line)) return line;
            // What is here has come in time, however late it is looked for. But a flood of interrupt lines has to end, and never makes anybody wait.
            if (waiting.Look() >= within && (isLine || _socket.Available == 0)) throw Hung($"within {Seconds(within)}");
            if (!isLine && !Receive() && MostWork > TimeSpan.Zero)
            {
                var work = _peer.ProcessorTime;
                workBefore ??= work;
                if (work - workBefore >= MostWork) throw Hung($"but worked for {Seconds(MostWork)}");
            }
        }
    }

    private bool TryTakeLine(out ReadOnlySpan<byte> line)
    {
        var pending = _received.AsSpan(_start, _end - _start);
        var length = pending.IndexOf((byte)'\n');
        line = length < 0 ? default : pending[..length];
        if (length >= 0) _start += length + 1;
        else if (pending.Length > MaxLine) throw Misbehaved("sent a line that does not end:", pending);
        return length >= 0;
    }

    private bool TryNoteInterrupt(ReadOnlySpan<byte> line)
    {
        if (!line.StartsWith("IRQ "u8)) return false;
        bool isRaised = line.StartsWith("IRQ raise "u8);
        if ((isRaised || line.StartsWith("IRQ lower "u8)) && Utf8Parser.TryParse(line["IRQ raise ".Length..], out int number, out _) && number is >= 0 and < 64)
        {
            if (isRaised) LastRaised = number;
            _raised = isRaised ? _raised | (1UL << number) : _raised & ~(1UL << number);
        }
        return true;
    }

    /// <summary>Takes what there is; false where nothing comes for a moment.</summary>
    private bool Receive()
    {
        var pending = _received.AsSpan(_start, _end - _start);
        pending.CopyTo(_received);
        (_start, _end) = (0, pending.Length);
        int count = _socket.Receive(_received.AsSpan(_end), SocketFlags.None, out var error);
        if (error is SocketError.TimedOut or SocketError.WouldBlock) return false;
        if (error != SocketError.Success || count == 0) throw Died();
        _end += count;
        return true;
    }

    private Exception Died() => _failure = new TargetDiedException($"QEMU {_peer.HowItEnded()}", _peer.LastWords);

    private Exception Hung(string how) => _failure = new TargetHungException($"QEMU did not answer {how}", _peer.LastWords);

    private Exception Misbehaved(string what, ReadOnlySpan<byte> line)
    {
        const int Shown = 60;
        var text = new StringBuilder();
        foreach (var value in line[..Math.Min(line.Length, Shown)]) text.Append(value is >= 0x20 and < 0x7f ? (char)value : '?');
        if (line.Length > Shown) text.Append("...");
        return _failure = new TargetHungException($"QEMU {what} '{text}', which is not the qtest protocol", _peer.LastWords);
    }

    private static string Seconds(TimeSpan time) => $"{time.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s";

    private static TimeSpan Min(TimeSpan one, TimeSpan two) => one < two ? one : two;

    private static ulong Truncate(ulong value, int width) => width == 8 ? value : value & ((1UL << (8 * width)) - 1);

    private static char Suffix(int width, int greatest) => width switch
    {
        1 => 'b',
        2 => 'w',
        4 => 'l',
        8 when greatest == 8 => 'q',
        _ => throw new ArgumentOutOfRangeException(nameof(width), width, "no such access width"),
    };
}
