using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Viommu.Fuzz.Engine.Instrumentation;

/// <summary>Puts a counter on each edge of a method.</summary>
/// <remarks>
/// An edge is given instructions of its own, right behind its branch and so in the same protected region: a counter, and a jump to where
/// the edge led. Counters are what processors do in one instruction, and begin at 0 again after 255.
/// </remarks>
internal sealed class EdgeProbes(MethodDefinition method, MethodGraph graph, ProbeAddresses addresses)
{
    private readonly ILProcessor _code = method.Body.GetILProcessor();

    public void Insert()
    {
        foreach (var branches in graph.Branches.GroupBy(branch => branch.Source)) SplitEdges(branches.Key, [.. branches]);
        foreach (var (first, edge) in graph.Handlers) InsertBefore(first, edge);
        if (graph.Entry >= 0) InsertBefore(method.Body.Instructions[0], graph.Entry);
    }

    private void SplitEdges(Instruction branch, IReadOnlyList<BranchEdge> edges)
    {
        var last = branch;
        if (branch.Next is { } beyond)
        {
            foreach (var instruction in edges.Where(edge => edge.Target is null).SelectMany(edge => Count(edge.Edge))) Append(instruction);
            Append(_code.Create(OpCodes.Br, beyond));
        }

        foreach (var edge in edges.Where(edge => edge.Target is not null))
        {
            var count = Count(edge.Edge).ToList();
            foreach (var instruction in count) Append(instruction);
            Append(_code.Create(OpCodes.Br, edge.Target));
            Redirect(branch, edge.Target!, count[0]);
        }

        void Append(Instruction instruction)
        {
            _code.InsertAfter(last, instruction);
            last = instruction;
        }
    }

    private static void Redirect(Instruction branch, Instruction from, Instruction to)
    {
        if (branch.Operand is Instruction[] targets)
        {
            for (int i = 0; i < targets.Length; i++)
            {
                if (targets[i] == from) targets[i] = to;
            }
        }
        else
        {
            branch.Operand = to;
        }
    }

    // What jumps to the instruction, and every region that starts with it, has to meet the counter first; loops back to an entry do not
    // enter again.
    private void InsertBefore(Instruction first, int edge)
    {
        var count = Count(edge).ToList();
        foreach (var instruction in count) _code.InsertBefore(first, instruction);
        foreach (var handler in method.Body.ExceptionHandlers)
        {
            if (handler.TryStart == first) handler.TryStart = count[0];
            if (handler.TryEnd == first) handler.TryEnd = count[0];
            if (handler.HandlerStart == first) handler.HandlerStart = count[0];
            if (handler.HandlerEnd == first) handler.HandlerEnd = count[0];
            if (handler.FilterStart == first) handler.FilterStart = count[0];
        }
    }

    private IEnumerable<Instruction> Count(int edge) =>
    [
        _code.Create(OpCodes.Ldc_I8, addresses.Counters + edge),
        _code.Create(OpCodes.Conv_U),
        _code.Create(OpCodes.Dup),
        _code.Create(OpCodes.Ldind_U1),
        _code.Create(OpCodes.Ldc_I4_1),
        _code.Create(OpCodes.Add),
        _code.Create(OpCodes.Stind_I1),
    ];
}
