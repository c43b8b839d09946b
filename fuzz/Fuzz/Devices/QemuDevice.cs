using Viommu.Conformance.Program;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Rings;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Qemu;

namespace Viommu.Fuzz.Devices;

/// <summary>A real QEMU as what is fuzzed: makes executors that share nothing, and says in the end what they passed over.</summary>
internal sealed class QemuDevice : IDisposable
{
    private const string Name = "qemu";

    // Whoever only judges waits longer; here what seems to hang is run again before it counts.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);

    // Hundreds of times what any program takes.
    private static readonly TimeSpan MostWork = TimeSpan.FromMilliseconds(150);

    // What a QEMU runs, by the name of the target.
    private static readonly Dictionary<string, Func<QemuTargetSource, IProgramRunner>> _runners = new()
    {
        [SequenceTarget.Info.Name] = source => new QemuRunner(source),
        [SplitRingTarget.Info.Name] = source => new RingRunner(new QemuRingDevice(source), RingFormat.Split),
        [PackedRingTarget.Info.Name] = source => new RingRunner(new QemuRingDevice(source), RingFormat.Packed),
    };

    private readonly QemuTargetSource _source;
    private readonly List<QemuKnowledge> _jobs = [];
    private readonly QemuLessons _lessons = new();
    private readonly Func<QemuTargetSource, IProgramRunner> _newRunner;
    private IProgramRunner? _first;

    private QemuDevice(string? program, TargetInfo target, QtestTranscript? transcript)
    {
        _newRunner = _runners[target.Name];
        _source = new(program, packed: target.Name == PackedRingTarget.Info.Name) { Deadline = Deadline, MostWork = MostWork, Transcript = transcript };
        _first = _newRunner(_source);
        try
        {
            Identity = _first.Identity;
        }
        catch (TargetUnavailableException missing)
        {
            throw new UsageException(missing.Message);
        }
    }

    /// <summary>Name and version.</summary>
    public TargetIdentity Identity { get; }

    /// <summary>False where a QEMU is meant that runs no inputs of that target.</summary>
    public static bool Takes(string device, TargetInfo target) => !IsMeant(device) || _runners.ContainsKey(target.Name);

    /// <summary>Says which inputs a QEMU takes where it does not take those of <paramref name="target"/>.</summary>
    public static UsageException Refusal(TargetInfo target) => new($"--device {Name} takes inputs of {string.Join(", ", _runners.Keys)}, not of {target.Name}");

    /// <summary>
    /// The QEMU that is meant by <c>qemu</c> or <c>qemu:PATH</c>; null where another device is. What is done to it is kept where there is a
    /// <paramref name="transcript"/>.
    /// </summary>
    public static QemuDevice? Find(string device, TargetInfo target, QtestTranscript? transcript = null)
    {
        if (!IsMeant(device)) return null;
        if (!Takes(device, target)) throw Refusal(target);
        return new(device.Length > Name.Length ? device[(Name.Length + 1)..] : null, target, transcript);
    }

    /// <summary>An executor for a job of a campaign; what it finds it makes small where <paramref name="minimizes"/> says so.</summary>
    public IExecutor NewScout(bool minimizes)
    {
        var knowledge = new QemuKnowledge(_lessons);
        lock (_jobs)
        {
            _jobs.Add(knowledge);
            return new QemuScout(TakeRunner(), knowledge, minimizes);
        }
    }

    /// <summary>An executor that runs one request at a time, to the first deviation.</summary>
    public IExecutor NewReplay()
    {
        lock (_jobs) return new QemuReplay(TakeRunner());
    }

    /// <summary>What the campaign's jobs passed over, a line each; once they have ended.</summary>
    public IEnumerable<string> DescribePassedOver() => QemuKnowledge.Describe(_jobs);

    /// <inheritdoc/>
    public void Dispose()
    {
        _first?.Dispose();
        _source.Dispose();
    }

    /// <summary>True for <c>qemu</c> and <c>qemu:PATH</c>.</summary>
    public static bool IsMeant(string device) => device == Name || device.StartsWith(Name + ":", StringComparison.Ordinal);

    private IProgramRunner TakeRunner()
    {
        var runner = _first ?? _newRunner(_source);
        _first = null;
        return runner;
    }
}
