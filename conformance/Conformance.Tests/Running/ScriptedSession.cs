using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Running;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Tests.Running;

/// <summary>A session that plays outcomes by check id; a check without one passes.</summary>
internal sealed class ScriptedSession : ICheckSession
{
    private readonly Dictionary<string, Func<CheckOutcome>> script = [];

    public TargetIdentity Target { get; init; } = new("model", "1.2.3");

    public ulong OfferedFeatures { get; init; } = 1UL << 32 | 0x57;

    public bool HasVirtualTime { get; init; }

    /// <summary>How often a fresh target was asked for.</summary>
    public int Refreshed { get; private set; }

    /// <summary>The other sessions that were asked for; they play the same script.</summary>
    public List<ScriptedSession> Others { get; } = [];

    public List<string> Ran { get; } = [];

    public bool IsDisposed { get; private set; }

    public ScriptedSession On(string check, Verdict verdict, string expected = "status INVAL", string actual = "status OK", params string[] evidence) =>
        On(check, () => new(verdict, expected, actual, evidence, 7));

    public ScriptedSession On(string check, Func<CheckOutcome> play)
    {
        script[check] = play;
        return this;
    }

    public CheckOutcome Run(Check check, CancellationToken cancellation)
    {
        lock (Ran) Ran.Add(check.Id);
        return script.TryGetValue(check.Id, out var play) ? play() : new(Verdict.Pass, "", "", [], 3);
    }

    public void Refresh() => Refreshed++;

    public ICheckSession Another()
    {
        var other = new ScriptedSession { Target = Target, OfferedFeatures = OfferedFeatures, HasVirtualTime = HasVirtualTime };
        foreach (var (check, play) in script) other.script.Add(check, play);
        Others.Add(other);
        return other;
    }

    public void Dispose() => IsDisposed = true;
}

/// <summary>Checks that do nothing; the scripted session says how they end.</summary>
internal static class FakeChecks
{
    public const string Status = "CORE-STATUS-D-01.nothing-is-used-before-driver-ok";
    public const string Attach = "IOMMU-ATTACH-D-01.reserved-is-refused";
    public const string Map = "IOMMU-MAP-D-01.off-the-grid-is-range";
    public const string MapAgain = "IOMMU-MAP-D-01.end-off-the-grid-is-range";
    public const string Unmap = "IOMMU-UNMAP-D-01.either-answer-is-clean";

    public static IReadOnlyList<Check> All { get; } =
    [
        Make(Status, Level.Must), Make(Attach, Level.Must, "IOMMU-ATTACH-D-02"), Make(Map, Level.Should), Make(MapAgain, Level.Should), Make(Unmap, Level.May),
    ];

    public static Check Make(string id, Level level, params string[] also) =>
        new(id, id[(id.IndexOf('.') + 1)..].Replace('-', ' '), [id[..id.IndexOf('.')], .. also], level, $"Does {id}.", $"Reads {id}.", TargetShape.Default)
        {
            Body = _ => { },
        };
}
