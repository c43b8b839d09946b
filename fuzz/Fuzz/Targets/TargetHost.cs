using System.Collections.Concurrent;
using System.Reflection;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Instrumentation;
using Viommu.Fuzz.Engine.Mutation;

namespace Viommu.Fuzz.Targets;

/// <summary>Makes executors of targets, in contexts of their own where the code under test is instrumented.</summary>
internal sealed class TargetHost(TargetInfo target, int brokenDevice = -1)
{
    // They are the same for all targets of the same code, and reading that takes a while.
    private static readonly ConcurrentDictionary<string, ulong[]> _literals = new();

    // A context stays for as long as its process, disposed of or not: whoever is through with one leaves it to the next.
    private static readonly ConcurrentDictionary<(string, ProbeKind), ConcurrentBag<InstrumentedContext>> _idle = new();

    private static readonly string[] _ours = ["Viommu.Device", "Viommu.Guest", "conformance", "fuzz"];

    /// <summary>An executor whose code is instrumented.</summary>
    public TargetExecutor Instrumented() => Instrumented(kind => Idle(kind).TryTake(out var context) ? context : NewContext(kind), Leave);

    /// <summary>
    /// An executor in contexts that are kept for later ones, on the same or on other devices: their code is compiled by then. Only one at a time
    /// may use a pool.
    /// </summary>
    public TargetExecutor Instrumented(ConcurrentDictionary<ProbeKind, InstrumentedContext> pool) => Instrumented(kind => pool.GetOrAdd(kind, NewContext), _ => { });

    /// <summary>An executor whose code is as it was compiled.</summary>
    public TargetExecutor Plain() => new(() => TargetList.New(target.Name, brokenDevice), target.StateCount, isUnderTest: target.IsUnderTest);

    /// <summary>What is worth trying: the spec's constants, the literals of the code under test, and what the user gave.</summary>
    public ValueDictionary NewDictionary(IReadOnlyList<byte[]>? given = null) =>
        new([.. target.Values, .. _literals.GetOrAdd(string.Join(' ', target.Instrumented), _ => ReadLiterals())], target.Tokens, given);

    /// <summary>A context with the code under test rewritten.</summary>
    public InstrumentedContext NewContext(ProbeKind kind) =>
        new(AppContext.BaseDirectory, target.Instrumented, _ours.Except(target.Instrumented), kind);

    private TargetExecutor Instrumented(Func<ProbeKind, InstrumentedContext> contextOf, Action<InstrumentedContext> release)
    {
        var context = contextOf(ProbeKind.Edges);
        context.EdgeCounters.Clear();
        return new(() => NewTarget(context), target.StateCount, context, Comparing, release, target.IsUnderTest);

        (InstrumentedContext, IFuzzTarget) Comparing()
        {
            var comparing = contextOf(ProbeKind.Comparisons);
            return (comparing, NewTarget(comparing));
        }
    }

    private void Leave(InstrumentedContext context) => Idle(context.Kind).Add(context);

    private ConcurrentBag<InstrumentedContext> Idle(ProbeKind kind) => _idle.GetOrAdd((string.Join(' ', target.Instrumented), kind), _ => []);

    private ulong[] ReadLiterals()
    {
        using var context = NewContext(ProbeKind.Edges);
        return [.. context.Edges.Literals.Order()];
    }

    // The one call through reflection; from here on it is an interface.
    private IFuzzTarget NewTarget(InstrumentedContext context)
    {
        var list = context.LoadFromAssemblyName(new AssemblyName("fuzz")).GetType(typeof(TargetList).FullName!, throwOnError: true)!;
        var create = list.GetMethod(nameof(TargetList.New))!.CreateDelegate<Func<string, int, IFuzzTarget>>();
        context.Refuel();
        return create(target.Name, brokenDevice);
    }
}
