using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Viommu.Fuzz.Engine.Instrumentation;

/// <summary>
/// The edges of one method that need a counter. A block with one successor says nothing that its own entry did not say, and an edge that
/// is the only way to the next choice says nothing that the edges out of that choice do not say. Counters are on what is left of the entry,
/// of handlers, and of the edges out of blocks with a choice: every path is told from every other, but for how far one got that ended with an
/// exception on the way to its next choice.
/// </summary>
internal sealed class MethodGraph(MethodDefinition method)
{
    private readonly List<BranchEdge> _branches = [];
    private readonly HashSet<Instruction> _jumpedTo = [.. method.Body.Instructions.SelectMany(Targets), .. method.Body.ExceptionHandlers.SelectMany(HandlerStarts)];

    // For choices that can be reached in one way only: the block with the choice, and the choice before.
    private readonly Dictionary<Instruction, (Instruction Block, Instruction? Choice)> _onlyWay = [];

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
        if (!isTrivial && body.Instructions.Count > 0 && !TryLeaveOut(body.Instructions[0], null)) Entry = edges.Add(lines.EdgeTo(body.Instructions[0]));

        var choices = body.Instructions.Where(HasChoice).ToList();
        var counted = choices.SelectMany(Successors).Where(edge => !TryLeaveOut(edge.To, edge.Choice)).ToList();
        foreach (var (choice, target, to) in counted) _branches.Add(new(choice, target, edges.Add(lines.EdgeTo(to, BlocksBefore(choice)))));

        foreach (var instruction in body.Instructions)
        {
            CollectLiteral(instruction, edges);
            int here = position[instruction];
            if (Targets(instruction).Any(target => position[target] <= here)) LoopBranches.Add(instruction);
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

    private static IEnumerable<(Instruction Choice, Instruction? Target, Instruction To)> Successors(Instruction choice)
    {
        foreach (var target in Targets(choice).Distinct()) yield return (choice, target, target);
        if (choice.Next is { } next) yield return (choice, null, next);
    }

    private static IEnumerable<Instruction> HandlerStarts(ExceptionHandler handler) =>
        handler.FilterStart is { } filter ? [handler.HandlerStart, filter] : [handler.HandlerStart];

    // Straight on from there comes a choice, and nothing else leads to it: its edges have all of this one's executions.
    private bool TryLeaveOut(Instruction to, Instruction? before)
    {
        bool comesBySelf = before is null || before.Next == to;
        if (comesBySelf ? _jumpedTo.Contains(to) : !IsJumpedToOnce(to)) return false;
        for (var at = to; at is not null && (at == to || !_jumpedTo.Contains(at)); at = at.Next)
        {
            if (HasChoice(at))
            {
                _onlyWay[at] = (to, before);
                return true;
            }

            if (at.OpCode.FlowControl is FlowControl.Branch or FlowControl.Return or FlowControl.Throw) return false;
        }

        return false;
    }

    private bool IsJumpedToOnce(Instruction to) =>
        method.Body.Instructions.Count(source => Targets(source).Contains(to)) == 1 && !method.Body.ExceptionHandlers.SelectMany(HandlerStarts).Contains(to)
        && to.Previous is { } before && before.OpCode.FlowControl is FlowControl.Branch or FlowControl.Return or FlowControl.Throw;

    private IEnumerable<Instruction> BlocksBefore(Instruction choice)
    {
        for (Instruction? at = choice; at is not null && _onlyWay.TryGetValue(at, out var way); at = way.Choice) yield return way.Block;
    }

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
