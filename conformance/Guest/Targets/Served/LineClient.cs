using System.Globalization;
using System.Text;

namespace Viommu.Guest.Targets.Served;

/// <summary>How a command was answered.</summary>
internal enum AnswerKind
{
    /// <summary><c>OK</c>: done.</summary>
    Ok,

    /// <summary><c>NO</c>: this device cannot have that.</summary>
    No,

    /// <summary><c>FAULT</c>: an endpoint's access was refused on its way.</summary>
    Fault,
}

/// <summary>An answer: its first word, and what stands behind it.</summary>
internal readonly record struct Answer(AnswerKind Kind, string Text);

/// <summary>
/// The suite's side of the line protocol: a command, then its answer. The peer is not trusted: every answer has a deadline, a line has a
/// greatest length, and what was not asked for ends the connection.
/// </summary>
internal sealed class LineClient
{
    /// <summary>The longest line, in bytes: the answer to the longest access of an endpoint, and room to spare.</summary>
    public const int LongestLine = 16 * 1024;

    private const int Shown = 80;

    // How often who waits looks up, to see whether it still should.
    private static readonly TimeSpan LookUp = TimeSpan.FromMilliseconds(50);

    private readonly IServedPeer _peer;
    private readonly byte[] _chunk = new byte[4096];
    private readonly byte[] _line = new byte[LongestLine];
    private readonly TaskCompletionSource _aborted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _start;
    private int _end;
    private Task<int>? _reading;
    private Exception? _failure;

    /// <summary>Speaks with a peer; one that takes longer than <paramref name="deadline"/> for an answer hangs.</summary>
    public LineClient(IServedPeer peer, TimeSpan deadline) => (_peer, Deadline) = (peer, deadline);

    /// <summary>How long the peer may take for an answer.</summary>
    public TimeSpan Deadline { get; set; }

    /// <summary>How the peer is called in messages.</summary>
    public string Name { get; set; } = "the program";

    /// <summary>Commands that were sent.</summary>
    public long Commands { get; private set; }

    /// <summary>True once the connection is of no more use.</summary>
    public bool HasFailed => _failure is not null;

    /// <summary>
    /// Sends a command and returns its answer. Throws <see cref="GuestSetupException"/> where that is <c>ERR</c>: the peer could not do
    /// what it was asked to, which says nothing of the device.
    /// </summary>
    public Answer Ask(string command) => Ask(command, Deadline);

    /// <summary>As <see cref="Ask(string)"/>, with a deadline of its own.</summary>
    public Answer Ask(string command, TimeSpan within)
    {
        // After a failure commands and answers may be out of step: nothing that comes from here can be believed again.
        if (_failure is not null) throw _failure;
        RefuseWhatWasNotAskedFor();
        var waiting = new WaitingTime();
        Commands++;
        Send(command, waiting, within);
        var line = Receive(command, waiting, within);
        var (word, text) = line.IndexOf(' ', StringComparison.Ordinal) is >= 0 and var at ? (line[..at], line[(at + 1)..]) : (line, "");
        return word switch
        {
            "OK" => new(AnswerKind.Ok, text),
            "NO" => new(AnswerKind.No, text),
            "FAULT" => new(AnswerKind.Fault, text),
            "ERR" => throw new GuestSetupException($"{Name} cannot do '{Short(command)}': {(text.Length == 0 ? "it says ERR, and not why" : Short(text))}") { IsOfHarness = true },
            _ => throw Misbehaved($"answered '{Short(command)}' by", line),
        };
    }

    /// <summary>As <see cref="Ask(string)"/>, where any answer but <c>OK</c> is wrong; what stands behind it.</summary>
    public string AskForText(string command)
    {
        var answer = Ask(command);
        return answer.Kind == AnswerKind.Ok ? answer.Text : throw Misbehaved(command, answer);
    }

    /// <summary>As <see cref="AskForText"/>, where nothing may stand behind <c>OK</c>.</summary>
    public void Tell(string command)
    {
        var answer = Ask(command);
        if (answer is not { Kind: AnswerKind.Ok, Text: "" }) throw Misbehaved(command, answer);
    }

    /// <summary>As <see cref="AskForText"/>, where a number of <paramref name="width"/> bytes has to stand behind <c>OK</c>.</summary>
    public ulong AskForNumber(string command, int width)
    {
        var answer = Ask(command);
        return answer.Kind == AnswerKind.Ok && Wording.TryNumber(answer.Text, width, out var value) ? value : throw Misbehaved(command, answer);
    }

    /// <summary>An answer that makes no sense behind its command. Nothing is believed afterwards.</summary>
    public Exception Misbehaved(string command, Answer answer) =>
        Misbehaved($"answered '{Short(command)}' by", $"{answer.Kind.ToString().ToUpperInvariant()} {answer.Text}".TrimEnd());

    /// <summary>Makes a call that waits for an answer, on another thread, find the connection closed.</summary>
    public void Abort() => _aborted.TrySetResult();

    // A read is always under way, so that a line too many is found before the next command is sent, not taken for its answer.
    private void RefuseWhatWasNotAskedFor()
    {
        _reading ??= BeginReading();
        if (_end > _start || _reading is { IsCompletedSuccessfully: true, Result: > 0 })
        {
            TakeRead();
            throw Misbehaved("said what it was not asked for:", Encoding.UTF8.GetString(_line.AsSpan(_start, _end - _start)).Split('\n')[0]);
        }
    }

    private void Send(string command, WaitingTime waiting, TimeSpan within)
    {
        var sending = Begin(() => _peer.Commands.WriteAsync(Encoding.UTF8.GetBytes(command + "\n")).AsTask());
        // Where it has closed its input it may have ended: reading tells.
        Await(sending, command, waiting, within);
    }

    private string Receive(string command, WaitingTime waiting, TimeSpan within)
    {
        while (true)
        {
            var pending = _line.AsSpan(_start, _end - _start);
            var length = pending.IndexOf((byte)'\n');
            if (length >= 0)
            {
                _start += length + 1;
                if (_start == _end) (_start, _end) = (0, 0);
                _reading ??= BeginReading();
                return Encoding.UTF8.GetString(pending[..length]).TrimEnd('\r');
            }
            if (pending.Length == LongestLine) throw Misbehaved("sent a line that does not end:", Encoding.UTF8.GetString(pending[..Shown]));
            _reading ??= BeginReading();
            if (!Await(_reading, command, waiting, within) || _reading.Result == 0) throw Died();
            TakeRead();
        }
    }

    /// <summary>Waits for input or output to end; false where the connection has.</summary>
    private bool Await(Task transfer, string command, WaitingTime waiting, TimeSpan within)
    {
        var isOver = waiting.Look() >= within;
        // What is here has come in time, however late it is looked for.
        while (!transfer.IsCompleted && Task.WaitAny([transfer, _aborted.Task], isOver ? TimeSpan.Zero : LookUp) is var first && first != 0)
        {
            if (first > 0) return false;
            if (isOver) throw Hung(command, within);
            isOver = waiting.Look() >= within;
        }
        return transfer.IsCompletedSuccessfully;
    }

    private Task<int> BeginReading() => Begin(() => _peer.Answers.ReadAsync(_chunk).AsTask());

    private static Task<T> Begin<T>(Func<Task<T>> transfer)
    {
        try
        {
            return transfer();
        }
        catch (Exception closed) when (closed is IOException or ObjectDisposedException)
        {
            return Task.FromException<T>(closed);
        }
    }

    private static Task Begin(Func<Task> transfer)
    {
        try
        {
            return transfer();
        }
        catch (Exception closed) when (closed is IOException or ObjectDisposedException)
        {
            return Task.FromException(closed);
        }
    }

    /// <summary>Adds what has been read to the line, as far as there is room; what is beyond shows that the line does not end.</summary>
    private void TakeRead()
    {
        if (_reading is not { IsCompletedSuccessfully: true } read) return;
        _reading = null;
        _line.AsSpan(_start, _end - _start).CopyTo(_line);
        (_start, _end) = (0, _end - _start);
        var taken = Math.Min(read.Result, LongestLine - _end);
        _chunk.AsSpan(0, taken).CopyTo(_line.AsSpan(_end));
        _end += taken;
    }

    private Exception Died() => _failure = new TargetDiedException($"{Name} {_peer.HowItEnded()}", _peer.LastWords);

    private Exception Hung(string command, TimeSpan within) => _failure = new TargetHungException(
        $"{Name} did not answer '{Short(command)}' within {within.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture)} s", _peer.LastWords);

    private Exception Misbehaved(string what, string line) =>
        _failure = new TargetHungException($"{Name} {what} '{Short(line)}', which is not the protocol", _peer.LastWords) { BreaksProtocol = true };

    private static string Short(string text)
    {
        var printable = string.Concat(text.Take(Shown).Select(c => c is >= ' ' and < '\x7f' ? c : '?'));
        return text.Length > Shown ? $"{printable}..." : printable;
    }
}
