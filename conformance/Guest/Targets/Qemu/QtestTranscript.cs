using System.Globalization;

namespace Viommu.Guest.Targets.Qemu;

/// <summary>
/// What is done to a QEMU from its start on, as lines that another QEMU can be told without us. What only waits is a <see cref="QtestPause"/>,
/// whatever it takes here, and what changes nothing (configuration space that is read, polls) is left out.
/// </summary>
public sealed class QtestTranscript
{
    // So many bytes are told whatever they were; of more only what has changed.
    private const int Short = 64;
    private const int LongestGap = 16;

    private readonly List<QtestEntry> _entries = [];
    private int _silences;
    private bool _isClosed;

    /// <summary>What was done, in its order.</summary>
    public IReadOnlyList<QtestEntry> Entries => _entries;

    /// <summary>The QEMU that it was done to, as a shell finds it.</summary>
    public string Program { get; private set; } = "";

    /// <summary>Its arguments, without those that tie it to this process.</summary>
    public IReadOnlyList<string> Arguments { get; private set; } = [];

    /// <summary>Lines that end the process as a guest does that powers the machine off.</summary>
    public IReadOnlyList<string> PowerOff { get; private set; } = [];

    /// <summary>True where what is done counts.</summary>
    internal bool IsListening => _silences == 0 && !_isClosed;

    /// <summary>Where a look at something begins that <see cref="Unsee"/> may forget.</summary>
    internal int Mark => _entries.Count;

    /// <summary>What comes next belongs to a step, counted from 0.</summary>
    public void BeginStep(int index)
    {
        if (!_isClosed) _entries.Add(new QtestStep(index));
    }

    /// <summary>Nothing counts any more.</summary>
    public void Close() => _isClosed = true;

    /// <summary>Begins anew, with a QEMU that was just started.</summary>
    internal void Restart(string program, IReadOnlyList<string> arguments, IReadOnlyList<string> powerOff)
    {
        if (_isClosed) return;
        _entries.Clear();
        (Program, Arguments, PowerOff) = (program, arguments, powerOff);
    }

    /// <summary>Leaves out what is done until the return value is disposed of.</summary>
    internal Silence BeSilent()
    {
        _silences++;
        return new(this);
    }

    /// <summary>A command was sent.</summary>
    internal void Add(string command) => _entries.Add(new QtestCommand(command));

    /// <summary>The last command was answered by a value.</summary>
    internal void Answered(string value)
    {
        if (_entries is [.., QtestCommand last]) _entries[^1] = last with { Answer = value };
    }

    /// <summary>Time has to pass before what comes next.</summary>
    internal void Pause()
    {
        if (IsListening && _entries is not [.., QtestPause]) _entries.Add(new QtestPause());
    }

    /// <summary>Forgets a look at something that was not there yet, and waits instead.</summary>
    internal void Unsee(int mark)
    {
        if (!IsListening) return;
        for (var i = _entries.Count - 1; i >= mark; i--)
        {
            if (_entries[i] is QtestCommand { Answer: not null }) _entries.RemoveAt(i);
        }
        Pause();
    }

    /// <summary>Memory was written that holds <paramref name="before"/> until now.</summary>
    internal void Wrote(ulong address, ReadOnlySpan<byte> before, ReadOnlySpan<byte> bytes)
    {
        if (!IsListening) return;
        foreach (var (at, length) in Told(before, bytes))
        {
            var run = bytes.Slice(at, length);
            Add(length > Short && run.IndexOfAnyExcept(run[0]) < 0
                ? string.Create(CultureInfo.InvariantCulture, $"memset 0x{address + (ulong)at:x} 0x{length:x} 0x{run[0]:x2}")
                : string.Create(CultureInfo.InvariantCulture, $"write 0x{address + (ulong)at:x} 0x{length:x} 0x{Convert.ToHexStringLower(run)}"));
        }
    }

    /// <summary>Memory was read; <paramref name="before"/> is what it held when it was read or written last.</summary>
    internal void Read(ulong address, ReadOnlySpan<byte> before, ReadOnlySpan<byte> bytes)
    {
        if (!IsListening) return;
        foreach (var (at, length) in Told(before, bytes))
        {
            Add(string.Create(CultureInfo.InvariantCulture, $"read 0x{address + (ulong)at:x} 0x{length:x}"));
            Answered($"0x{Convert.ToHexStringLower(bytes.Slice(at, length))}");
        }
    }

    private static List<(int At, int Length)> Told(ReadOnlySpan<byte> before, ReadOnlySpan<byte> after)
    {
        if (after.Length <= Short) return after.IsEmpty ? [] : [(0, after.Length)];
        List<(int At, int Length)> runs = [];
        for (var at = after.CommonPrefixLength(before); at < after.Length; at += after[at..].CommonPrefixLength(before[at..]))
        {
            if (runs is [.., var last] && at - (last.At + last.Length) <= LongestGap) runs[^1] = (last.At, at + 1 - last.At);
            else runs.Add((at, 1));
            at++;
        }
        return runs;
    }

    /// <summary>While it lasts, nothing counts.</summary>
    internal readonly struct Silence(QtestTranscript transcript) : IDisposable
    {
        /// <summary>From here on things count again.</summary>
        public void Dispose() => transcript._silences--;
    }
}

/// <summary>Something of a <see cref="QtestTranscript"/>.</summary>
public abstract record QtestEntry;

/// <summary>A step begins.</summary>
/// <param name="Index">Which one, from 0.</param>
public sealed record QtestStep(int Index) : QtestEntry;

/// <summary>A line of the protocol.</summary>
/// <param name="Text">The line.</param>
public sealed record QtestCommand(string Text) : QtestEntry
{
    /// <summary>The value that it was answered by; null where there was none.</summary>
    public string? Answer { get; init; }
}

/// <summary>Time passes: the machine makes a DMA, or resets.</summary>
public sealed record QtestPause : QtestEntry;
