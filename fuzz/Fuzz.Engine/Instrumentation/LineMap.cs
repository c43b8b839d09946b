using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Viommu.Fuzz.Engine.Instrumentation;

/// <summary>The source lines of a method's instructions, as far as its symbols tell.</summary>
internal sealed class LineMap(MethodDefinition method)
{
    // What the compiler hides has this line.
    private const int Hidden = 0xfeefee;

    private readonly string _name = $"{method.DeclaringType.FullName.Replace('/', '.')}.{method.Name}";

    /// <summary>
    /// An edge that leads to <paramref name="first"/>: the lines from there to where control can go elsewhere, and those of the blocks that
    /// were executed before by whoever takes it.
    /// </summary>
    public Edge EdgeTo(Instruction first, params IEnumerable<Instruction> before)
    {
        var lines = new SortedSet<int>();
        string file = "";
        if (!method.DebugInformation.HasSequencePoints) return new(_name, file, 0, []);
        TakeBlock(first);
        int line = lines.Count > 0 ? lines.Min : 0;
        foreach (var block in before) TakeBlock(block);
        return new(_name, file, line, [.. lines]);

        void TakeBlock(Instruction start)
        {
            Take(Before(start));
            for (var at = start; at is not null; at = at.Next)
            {
                Take(method.DebugInformation.GetSequencePoint(at));
                if (at.OpCode.FlowControl is FlowControl.Cond_Branch or FlowControl.Branch or FlowControl.Return or FlowControl.Throw) break;
            }
        }

        void Take(SequencePoint? point)
        {
            if (point is null || point.StartLine == Hidden) return;
            file = point.Document.Url;
            for (int line = point.StartLine; line <= point.EndLine; line++) lines.Add(line);
        }
    }

    // The statement that the instruction is in the middle of, where it does not start one.
    private SequencePoint? Before(Instruction first)
    {
        for (var at = first; at is not null; at = at.Previous)
        {
            if (method.DebugInformation.GetSequencePoint(at) is { } point) return point;
        }

        return null;
    }
}
