using System.ComponentModel;
using System.Globalization;
using Viommu.Conformance.Program;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Served;

namespace Viommu.Fuzz.Afl;

/// <summary>
/// The other end of AFL++'s map: the edges of a program outside of this process that AFL++'s compiler has built. They are counted from
/// <see cref="Begin"/> to <see cref="End"/>; what starts the program or cleans up after an input is not the input's doing.
/// </summary>
internal sealed unsafe class AflCounters : IDisposable
{
    // A program says how large its map is before anything else that it does.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // As much as AFL++ itself provides for.
    private const int LargestMap = 8 << 20;

    private static readonly Observations NoStates = new(0);

    private readonly byte[] _counters;
    private readonly byte[] _copy;
    private readonly Novelty _known;
    private readonly SortedSet<int> _unsteady = [];
    private nint _map;
    private bool _isCounting;

    /// <summary>Makes the map for programs whose own is of that many bytes. Throws <see cref="TargetUnavailableException"/> where there is no room.</summary>
    public AflCounters(int mapSize)
    {
        int size = (mapSize + CounterMap.Block - 1) / CounterMap.Block * CounterMap.Block;
        (_counters, _copy, _known) = (new byte[size], new byte[size], new(size, 0));
        int id;
        try
        {
            _map = Posix.CreateSegment(size, out id);
        }
        catch (Win32Exception refusal)
        {
            throw new TargetUnavailableException($"--coverage afl: there is no shared memory for a map of {size} bytes: {refusal.Message}", refusal);
        }

        Variables = new Dictionary<string, string>
        {
            [AflProtocol.MapVariable] = id.ToString(CultureInfo.InvariantCulture),
            [AflProtocol.MapSizeVariable] = size.ToString(CultureInfo.InvariantCulture),
        };
    }

    /// <summary>Has a program that finds them in its environment count here.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; }

    /// <summary>What was counted last, but for edges that were found to be unsteady.</summary>
    public Span<byte> Counters => _counters;

    private Span<byte> Map => new((void*)_map, _counters.Length);

    /// <summary>
    /// The size of a program's map, in bytes; throws <see cref="UsageException"/> where it says nothing of one, and
    /// <see cref="TargetUnavailableException"/> where it cannot be started.
    /// </summary>
    public static int AskSize(IReadOnlyList<string> command)
    {
        using var program = ServedProcess.Start(command, new Dictionary<string, string> { [AflProtocol.AskMapSizeVariable] = "1" });
        // One that was built otherwise takes no notice of the question, and waits to be greeted.
        program.Commands.Dispose();
        using var answers = new StreamReader(program.Answers);
        var answer = answers.ReadLineAsync();
        bool isNumber = int.TryParse(answer.Wait(Patience) ? answer.Result : null, NumberStyles.None, CultureInfo.InvariantCulture, out int size);
        if (!answer.IsCompleted) program.Kill();
        if (isNumber && size is > 0 and <= LargestMap) return size;
        throw new UsageException(isNumber
            ? $"--coverage afl: '{command[0]}' has a map of {size} bytes; what is taken is 1 to {LargestMap}"
            : $"--coverage afl: '{command[0]}' does not say how large its map is when {AflProtocol.AskMapSizeVariable} asks for it: build it with afl-clang-fast, afl-cc or cargo afl");
    }

    /// <summary>An input begins.</summary>
    public void Begin()
    {
        Map.Clear();
        _isCounting = true;
    }

    /// <summary>What comes now is no doing of the input; does nothing where no input runs.</summary>
    public void End()
    {
        if (!_isCounting) return;
        _isCounting = false;
        Map.CopyTo(_counters);
        foreach (int edge in _unsteady) _counters[edge] = 0;
    }

    /// <summary>True where the last input took an edge as often as none before. To be followed by <see cref="Compare"/>, once it has run again.</summary>
    public bool TakeNews()
    {
        _counters.CopyTo(_copy, 0);
        bool isNew = _known.Absorb(_copy, NoStates);
        if (isNew) _counters.CopyTo(_copy, 0);
        return isNew;
    }

    /// <summary>Leaves out, from now on, the edges that the same input has not taken as often this time: how often a program is asked while it is waited for is chance.</summary>
    public void Compare()
    {
        for (int edge = 0; edge < _counters.Length; edge++)
        {
            if (Buckets.ByCount[_counters[edge]] == Buckets.ByCount[_copy[edge]]) continue;
            _unsteady.Add(edge);
            _counters[edge] = 0;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_map != 0) Posix.Detach(_map);
        _map = 0;
    }
}
