using Viommu.Conformance.Program;
using Viommu.Fuzz.Afl;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Rings;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Targets.Qemu;
using Viommu.Guest.Targets.Served;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// A device outside of this process as what is fuzzed, a QEMU or one behind the line protocol: makes executors that share nothing, and says in
/// the end what they passed over.
/// </summary>
internal sealed class OutsideDevice : IDisposable
{
    private const string Qemu = "qemu";
    private const string Exec = "exec";

    // Whoever only judges waits longer; here what seems to hang is run again before it counts.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);

    // Hundreds of times what any program takes.
    private static readonly TimeSpan MostWork = TimeSpan.FromMilliseconds(150);

    // What a QEMU runs, by the name of the target.
    private static readonly Dictionary<string, Func<QemuTargetSource, ProgramRunner>> _onQemu = new()
    {
        [SequenceTarget.Info.Name] = source => new SequenceRunner(() => QemuBench.Open(source), source.Transcript),
        [SplitRingTarget.Info.Name] = source => new RingRunner(new BenchRingDevice(() => QemuBench.Open(source), source.AlsoAccept, source.Transcript), RingFormat.Split),
        [PackedRingTarget.Info.Name] = source => new RingRunner(new BenchRingDevice(() => QemuBench.Open(source), source.AlsoAccept, source.Transcript), RingFormat.Packed),
    };

    // What a device behind the line protocol runs.
    private static readonly Dictionary<string, Func<ServedTargetSource, AflCounters?, ProgramRunner>> _onServed = new()
    {
        [SequenceTarget.Info.Name] = (source, edges) => new SequenceRunner(() => ServedBench.Open(source), edges: edges),
        [SplitRingTarget.Info.Name] = (source, edges) => new RingRunner(new BenchRingDevice(() => ServedBench.Open(source), source.AlsoAccept), RingFormat.Split, edges),
        [PackedRingTarget.Info.Name] = (source, edges) => new RingRunner(new BenchRingDevice(() => ServedBench.Open(source), source.AlsoAccept), RingFormat.Packed, edges),
    };

    private readonly ITargetSource _source;
    private readonly List<DeviceKnowledge> _jobs = [];
    private readonly DeviceLessons _lessons = new();
    private readonly Func<ProgramRunner> _newRunner;
    private ProgramRunner? _first;

    private OutsideDevice(ITargetSource source, Func<ProgramRunner> newRunner)
    {
        _source = source;
        _newRunner = newRunner;
        _first = newRunner();
        try
        {
            Identity = _first.Identity;
        }
        catch (TargetUnavailableException missing)
        {
            throw new UsageException(OfDevice(missing.Message));
        }
    }

    /// <summary>Name and version.</summary>
    public TargetIdentity Identity { get; }

    /// <summary>How long it may keep a job waiting.</summary>
    public TimeSpan LongestWait => _source is ServedTargetSource served ? served.LongestWait : Deadline;

    /// <summary>False where a device is meant that runs no inputs of that target.</summary>
    public static bool Takes(string device, TargetInfo target) => !IsMeant(device) || TargetsOf(device).Contains(target.Name);

    /// <summary>Says which inputs a device takes where it does not take those of <paramref name="target"/>.</summary>
    public static UsageException Refusal(string device, TargetInfo target) =>
        new($"--device {(IsQemu(device) ? Qemu : Exec)} takes inputs of {string.Join(", ", TargetsOf(device))}, not of {target.Name}");

    /// <summary>
    /// The device that is meant by <c>qemu</c>, <c>qemu:PATH</c> or <c>exec:COMMAND</c>; null where one in this process is. What is done to a QEMU
    /// is kept where there is a <paramref name="transcript"/>.
    /// </summary>
    public static OutsideDevice? Find(string device, TargetInfo target, QtestTranscript? transcript = null, bool countsEdges = false)
    {
        if (countsEdges && (!IsMeant(device) || IsQemu(device)))
            throw new UsageException($"--coverage afl takes --device exec:COMMAND, where COMMAND was built by AFL++'s compiler, not --device {device}");
        if (!IsMeant(device)) return null;
        if (!Takes(device, target)) throw Refusal(device, target);
        if (!IsQemu(device)) return Served(device, target, countsEdges);
        var ring = target.Name == PackedRingTarget.Info.Name ? ModelRing.Packed : ModelRing.Split;
        var source = new QemuTargetSource(device.Length > Qemu.Length ? device[(Qemu.Length + 1)..] : null, new(Ring: ring))
        {
            Deadline = Deadline,
            MostWork = MostWork,
            Transcript = transcript,
        };
        return new(source, () => _onQemu[target.Name](source));
    }

    /// <summary>The device that a program serves.</summary>
    /// <param name="source">Starts the program.</param>
    /// <param name="target">Whose inputs it is to run.</param>
    /// <param name="countsEdges">AFL++'s compiler has built it, and its edges guide the search.</param>
    public static OutsideDevice Of(ServedTargetSource source, TargetInfo target, bool countsEdges = false)
    {
        var newRunner = _onServed[target.Name];
        if (!countsEdges) return new(source, () => newRunner(source, null));
        int size = AflCounters.AskSize(source.Command);
        return new(source, () =>
        {
            var edges = new AflCounters(size);
            return newRunner(source.With(edges.Variables), edges);
        });
    }

    /// <summary>True for <c>qemu</c>, <c>qemu:PATH</c>, <c>exec:COMMAND</c> and <c>exec,ring=...:COMMAND</c>.</summary>
    public static bool IsMeant(string device) => IsQemu(device) || IsKind(device, Exec) || device.StartsWith(Exec + ",", StringComparison.Ordinal);

    /// <summary>True for <c>qemu</c> and <c>qemu:PATH</c>.</summary>
    public static bool IsQemu(string device) => IsKind(device, Qemu);

    /// <summary>An executor for a job of a campaign; what it finds it makes small where <paramref name="minimizes"/> says so.</summary>
    public IExecutor NewScout(bool minimizes)
    {
        var knowledge = new DeviceKnowledge(_lessons);
        lock (_jobs)
        {
            _jobs.Add(knowledge);
            return new DeviceScout(TakeRunner(), knowledge, minimizes);
        }
    }

    /// <summary>An executor that runs one request at a time, to the first deviation.</summary>
    public IExecutor NewReplay()
    {
        lock (_jobs) return new DeviceReplay(TakeRunner());
    }

    /// <summary>What the campaign's jobs passed over, a line each; once they have ended.</summary>
    public IEnumerable<string> DescribePassedOver() => DeviceKnowledge.Describe(_jobs);

    /// <inheritdoc/>
    public void Dispose()
    {
        _first?.Dispose();
        _source.Dispose();
    }

    private static IEnumerable<string> TargetsOf(string device) => IsQemu(device) ? _onQemu.Keys : _onServed.Keys;

    private static bool IsKind(string device, string kind) => device == kind || device.StartsWith(kind + ":", StringComparison.Ordinal);

    private static OutsideDevice Served(string device, TargetInfo target, bool countsEdges)
    {
        try
        {
            var source = (ServedTargetSource)TargetSources.Parse(device);
            if (target.Name == PackedRingTarget.Info.Name) source = source.WithPackedRings();
            else if (target.Name == SplitRingTarget.Info.Name && source.AlsoAccept != 0) throw new UsageException($"{target.Name} takes --device exec:COMMAND, without ring=packed");
            return Of(source, target, countsEdges);
        }
        catch (Exception wrong) when (wrong is UsageException or TargetUnavailableException)
        {
            throw new UsageException(OfDevice(wrong.Message));
        }
    }

    // The suite takes the same words behind another option.
    private static string OfDevice(string message) => message.Replace($"--target {Exec}", $"--device {Exec}", StringComparison.Ordinal);

    private ProgramRunner TakeRunner()
    {
        var runner = _first ?? _newRunner();
        _first = null;
        return runner;
    }
}
