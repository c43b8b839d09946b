using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Viommu.Fuzz.Engine.Instrumentation;

/// <summary>
/// The edges of one method that need a counter. A block with one successor says nothing that its own entry did not say, so counters are
/// on the entry, on handlers, and on each edge out of a block that has a choice: every path is told from every other.
/// </summary>
internal sealed class MethodGraph(MethodDefinition method)
{
    private readonly List<BranchEdge> _branches = [];

    /// <summary>The number of the entry's counter; negative where it has none.</summary>
    public int Entry { get; private set; } = -1;

    /// <summary>Handlers and filters, and the numbers of their counters.</summary>
    public List<(Instruction First, int Edge)> Handlers { get; } = [];

    /// <summary>The edges out of blocks with a choice.</summary>
    public IReadOnlyList<BranchEdge> Branches => _branches;

    /// <summary>Branches back to where the method was before, by which it can loop.</summary>
    public List<Instruction> LoopBranches { get; } = [];

    /// <summary>Numbers the edges. The body has its macros simplified, and is not rewritten yet.</summary>
    public void Analyse(EdgeTable edges)
    {
        var body = method.Body;
        var position = new Dictionary<Instruction, int>();
        for (int i = 0; i < body.Instructions.Count; i++) position.Add(body.Instructions[i], i);
        var lines = new LineMap(method);

        // Accessors and constructors without a choice are executed whenever somebody executes their caller.
        bool isTrivial = !body.Instructions.Any(HasChoice) && (method.IsGetter || method.IsSetter || method.IsConstructor);
        if (!isTrivial && body.Instructions.Count > 0) Entry = edges.Add(lines.EdgeTo(body.Instructions[0]));

        foreach (var instruction in body.Instructions)
        {
            CollectLiteral(instruction, edges);
            int here = position[instruction];
            foreach (var target in Targets(instruction))
            {
                if (position[target] <= here && !LoopBranches.Contains(instruction)) LoopBranches.Add(instruction);
            }

            if (!HasChoice(instruction)) continue;
            foreach (var target in Targets(instruction).Distinct()) _branches.Add(new(instruction, target, edges.Add(lines.EdgeTo(target))));
            if (instruction.Next is { } next) _branches.Add(new(instruction, null, edges.Add(lines.EdgeTo(next))));
        }

        foreach (var handler in body.ExceptionHandlers)
        {
            Handlers.Add((handler.HandlerStart, edges.Add(lines.EdgeTo(handler.HandlerStart))));
            if (handler.FilterStart is { } filter) Handlers.Add((filter, edges.Add(lines.EdgeTo(filter))));
        }
    }

    /// <summary>The instructions that control can go to, other than the next one.</summary>
    public static IEnumerable<Instruction> Targets(Instruction instruction) => instruction.Operand switch
    {
        Instruction target when instruction.OpCode.FlowControl is FlowControl.Branch or FlowControl.Cond_Branch => [target],
        Instruction[] targets => targets,
        _ => [],
    };

    private static bool HasChoice(Instruction instruction) => instruction.OpCode.FlowControl == FlowControl.Cond_Branch;

    private static void CollectLiteral(Instruction instruction, EdgeTable edges)
    {
        if (instruction.Operand is int small) edges.Literals.Add((uint)small);
        else if (instruction.Operand is long large) edges.Literals.Add((ulong)large);
    }
}

/// <summary>An edge out of a block with a choice.</summary>
/// <param name="Source">The branch.</param>
/// <param name="Target">Where it goes; null for the instruction after the branch.</param>
/// <param name="Edge">The number of its counter.</param>
internal sealed record BranchEdge(Instruction Source, Instruction? Target, int Edge);
