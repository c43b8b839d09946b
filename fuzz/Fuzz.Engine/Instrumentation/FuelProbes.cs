using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Viommu.Fuzz.Engine.Instrumentation;

/// <summary>
/// Has every branch back, and every call of a method by itself, use up fuel: a loop that does not end becomes an exception, the same
/// one on every machine.
/// </summary>
internal sealed class FuelProbes(MethodDefinition method, MethodGraph graph, ProbeAddresses addresses)
{
    private readonly ILProcessor _code = method.Body.GetILProcessor();

    public void Insert()
    {
        foreach (var branch in graph.LoopBranches) Burn(branch);
        var calls = method.Body.Instructions.Where(instruction => instruction.Operand is MethodReference called && called.Resolves(method)).ToList();
        foreach (var call in calls) Burn(call);
    }

    // The operands of the branch stay on the stack below; what jumps to the branch itself is redirected.
    private void Burn(Instruction branch)
    {
        var goOn = _code.Create(OpCodes.Nop);
        var left = new VariableDefinition(method.Module.TypeSystem.Int32);
        method.Body.Variables.Add(left);
        Instruction[] burn =
        [
            _code.Create(OpCodes.Ldc_I8, addresses.Fuel),
            _code.Create(OpCodes.Conv_U),
            _code.Create(OpCodes.Dup),
            _code.Create(OpCodes.Ldind_I4),
            _code.Create(OpCodes.Ldc_I4_1),
            _code.Create(OpCodes.Sub),
            _code.Create(OpCodes.Stloc, left),
            _code.Create(OpCodes.Ldloc, left),
            _code.Create(OpCodes.Stind_I4),
            _code.Create(OpCodes.Ldloc, left),
            _code.Create(OpCodes.Ldc_I4_0),
            _code.Create(OpCodes.Bge, goOn),
            _code.Create(OpCodes.Call, method.Module.ImportReference(typeof(Probes).GetMethod(nameof(Probes.OutOfFuel)))),
            goOn,
        ];
        foreach (var instruction in burn) _code.InsertBefore(branch, instruction);
        Retarget(branch, burn[0]);
    }

    private void Retarget(Instruction from, Instruction to)
    {
        foreach (var instruction in method.Body.Instructions)
        {
            if (instruction.Operand == from) instruction.Operand = to;
            if (instruction.Operand is not Instruction[] targets) continue;
            for (int i = 0; i < targets.Length; i++)
            {
                if (targets[i] == from) targets[i] = to;
            }
        }

        foreach (var handler in method.Body.ExceptionHandlers)
        {
            if (handler.TryStart == from) handler.TryStart = to;
            if (handler.TryEnd == from) handler.TryEnd = to;
            if (handler.HandlerStart == from) handler.HandlerStart = to;
            if (handler.HandlerEnd == from) handler.HandlerEnd = to;
            if (handler.FilterStart == from) handler.FilterStart = to;
        }
    }
}

file static class MethodReferences
{
    public static bool Resolves(this MethodReference called, MethodDefinition method) =>
        called.Name == method.Name && called.DeclaringType.FullName == method.DeclaringType.FullName && called.Resolve() == method;
}
