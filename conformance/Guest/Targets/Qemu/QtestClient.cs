using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Viommu.Guest.Targets.Qemu;

/// <summary>
/// QEMU's qtest protocol: one command a line, answered in order by <c>OK</c>, <c>OK value</c> or <c>FAIL reason</c>, with
/// <c>IRQ raise n</c> and <c>IRQ lower n</c> lines at any time in between. The peer is not trusted: every answer has a deadline, and a
/// line has a greatest length.
/// </summary>
internal sealed class QtestClient(Socket socket, TimeSpan deadline, IQtestPeer peer) : IDisposable
{
    // The longest answer to a command sent here is "OK 0x" and 16 digits; a FAIL repeats the command.
    private const int MaxLine = 512;

    // Commands are at most 50 bytes and no caller posts more than a handful before it waits.
    private readonly byte[] _commands = new byte[512];
    private readonly byte[] _received = new byte[4096];
    private int _commandsLength;
    private int _posted;
    private int _start;
    private int _end;
    private Exception? _failure;

    /// <summary>Exchanges a command without effect: QEMU's main loop has turned once when this returns.</summary>
    public void Ping() => Ping(deadline);

    /// <summary>As <see cref="Ping()"/>, with a deadline of its own.</summary>
    public void Ping(TimeSpan within)
    {
        Append($"endianness\n");
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
        Exchange(deadline);
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
        Exchange(deadline);
    }

    /// <summary>As <see cref="Out"/>, but sent with the next command and answered before it.</summary>
    public void PostOut(int port, int width, uint value) =>
        Append($"out{Suffix(width, 4)} 0x{port:x} 0x{Truncate(value, width):x}\n");

    /// <summary>Makes a call that waits for an answer, on another thread, find the connection closed.</summary>
    public void Abort()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // The connection is down already, which is what is asked for.
        }
    }

    /// <summary>Closes the connection.</summary>
    public void Dispose() => socket.Dispose();

    private void Append(string command)
    {
        _commandsLength += Encoding.ASCII.GetBytes(command, _commands.AsSpan(_commandsLength));
        _posted++;
    }

    private ulong ExchangeForValue(int width)
    {
        var answer = Exchange(deadline);
        if (answer is [(byte)'O', (byte)'K', (byte)' ', (byte)'0', (byte)'x', .. var digits]
            && Utf8Parser.TryParse(digits, out ulong value, out var consumed, 'x')
            && consumed == digits.Length
            && Truncate(value, width) == value)
        {
            return value;
        }
        throw Misbehaved($"answered a read of {width} bytes by", answer);
    }

    /// <summary>Sends what has been posted and takes all answers; returns the last one, which is valid until the next call.</summary>
    private ReadOnlySpan<byte> Exchange(TimeSpan within)
    {
        // After a failure commands and answers may be out of step: nothing that comes from here can be believed again.
        if (_failure is not null) throw _failure;
        var clock = Stopwatch.StartNew();
        Send(within);
        ReadOnlySpan<byte> answer = default;
        for (; _posted > 0; _posted--)
        {
            answer = ReceiveAnswer(clock, within);
            if (!answer.StartsWith("OK"u8) || (answer.Length > 2 && answer[2] != ' ')) throw Misbehaved("answered a command by", answer);
        }
        return answer;
    }

    private void Send(TimeSpan within)
    {
        socket.SendTimeout = (int)within.TotalMilliseconds;
        try
        {
            socket.Send(_commands.AsSpan(0, _commandsLength));
        }
        catch (SocketException lost)
        {
            throw lost.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock ? Hung(within) : Died();
        }
        _commandsLength = 0;
    }

    private ReadOnlySpan<byte> ReceiveAnswer(Stopwatch clock, TimeSpan within)
    {
        while (true)
        {
            var line = ReceiveLine(clock, within);
            if (!line.StartsWith("IRQ "u8)) return line;
        }
    }

    private ReadOnlySpan<byte> ReceiveLine(Stopwatch clock, TimeSpan within)
    {
        while (true)
        {
            // Asked for each line, not only for each wait: a flood of interrupt lines never makes anybody wait.
            var left = within - clock.Elapsed;
            if (left <= TimeSpan.Zero) throw Hung(within);

            var pending = _received.AsSpan(_start, _end - _start);
            var length = pending.IndexOf((byte)'\n');
            if (length >= 0)
            {
                _start += length + 1;
                return pending[..length];
            }
            if (pending.Length > MaxLine) throw Misbehaved("sent a line that does not end:", pending);

            pending.CopyTo(_received);
            (_start, _end) = (0, pending.Length);
            _end += Receive(left);
        }
    }

    private int Receive(TimeSpan left)
    {
        try
        {
            if (!socket.Poll(left, SelectMode.SelectRead)) return 0;
            var count = socket.Receive(_received.AsSpan(_end));
            return count > 0 ? count : throw Died();
        }
        catch (SocketException)
        {
            throw Died();
        }
    }

    private Exception Died() => _failure = new TargetDiedException($"QEMU {peer.HowItEnded()}", peer.LastWords);

    private Exception Hung(TimeSpan within) => _failure = new TargetHungException(
        $"QEMU did not answer within {within.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s", peer.LastWords);

    private Exception Misbehaved(string what, ReadOnlySpan<byte> line)
    {
        const int Shown = 60;
        var text = new StringBuilder();
        foreach (var value in line[..Math.Min(line.Length, Shown)]) text.Append(value is >= 0x20 and < 0x7f ? (char)value : '?');
        if (line.Length > Shown) text.Append("...");
        return _failure = new TargetHungException($"QEMU {what} '{text}', which is not the qtest protocol", peer.LastWords);
    }

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
