using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Viommu.Fuzz.Engine.Instrumentation;

/// <summary>Hands over the operands of comparisons, where they are integers.</summary>
internal sealed class ComparisonProbes(MethodDefinition method)
{
    private static readonly HashSet<Code> _comparisons =
    [
        Code.Ceq, Code.Cgt, Code.Cgt_Un, Code.Clt, Code.Clt_Un, Code.Beq, Code.Bne_Un, Code.Bge, Code.Bge_Un, Code.Bgt, Code.Bgt_Un, Code.Ble,
        Code.Ble_Un, Code.Blt, Code.Blt_Un,
    ];

    private readonly ILProcessor _code = method.Body.GetILProcessor();

    public void Insert()
    {
        method.Body.InitLocals = true;
        foreach (var instruction in method.Body.Instructions.ToList())
        {
            if (!_comparisons.Contains(instruction.OpCode.Code) || IsJumpedTo(instruction)) continue;
            switch (Produced(instruction.Previous))
            {
                case MetadataType.Int32: HandOver(instruction, method.Module.TypeSystem.Int32, nameof(Probes.Compare32)); break;
                case MetadataType.Int64: HandOver(instruction, method.Module.TypeSystem.Int64, nameof(Probes.Compare64)); break;
            }
        }
    }

    private void HandOver(Instruction comparison, TypeReference type, string probe)
    {
        var right = new VariableDefinition(type);
        var left = new VariableDefinition(type);
        method.Body.Variables.Add(right);
        method.Body.Variables.Add(left);
        Instruction[] handOver =
        [
            _code.Create(OpCodes.Stloc, right),
            _code.Create(OpCodes.Stloc, left),
            _code.Create(OpCodes.Ldloc, left),
            _code.Create(OpCodes.Ldloc, right),
            _code.Create(OpCodes.Call, method.Module.ImportReference(typeof(Probes).GetMethod(probe))),
            _code.Create(OpCodes.Ldloc, left),
            _code.Create(OpCodes.Ldloc, right),
        ];
        foreach (var instruction in handOver) _code.InsertBefore(comparison, instruction);
    }

    // A comparison whose operands come from elsewhere (a conditional expression) is left alone.
    private bool IsJumpedTo(Instruction instruction) =>
        method.Body.Instructions.Any(source => MethodGraph.Targets(source).Contains(instruction));

    // The type of the right operand, by the instruction that pushed it; the left one has the same. Arithmetic has that of its operands.
    private MetadataType Produced(Instruction? instruction)
    {
        for (; instruction is not null; instruction = instruction.Previous)
        {
            switch (instruction.OpCode.Code)
            {
                case Code.Add or Code.Sub or Code.Mul or Code.And or Code.Or or Code.Xor or Code.Div or Code.Div_Un or Code.Rem or Code.Rem_Un or Code.Not or Code.Neg:
                    continue;
                case Code.Ldc_I4 or Code.Conv_I1 or Code.Conv_I2 or Code.Conv_I4 or Code.Conv_U1 or Code.Conv_U2 or Code.Conv_U4 or Code.Ldlen
                    or Code.Ldind_I1 or Code.Ldind_U1 or Code.Ldind_I2 or Code.Ldind_U2 or Code.Ldind_I4 or Code.Ldind_U4
                    or Code.Ldelem_I1 or Code.Ldelem_U1 or Code.Ldelem_I2 or Code.Ldelem_U2 or Code.Ldelem_I4 or Code.Ldelem_U4:
                    return MetadataType.Int32;
                case Code.Ldc_I8 or Code.Conv_I8 or Code.Conv_U8 or Code.Ldind_I8 or Code.Ldelem_I8:
                    return MetadataType.Int64;
                case Code.Ldloc:
                    return OnStack(((VariableDefinition)instruction.Operand).VariableType);
                case Code.Ldarg:
                    return instruction.Operand is ParameterDefinition parameter ? OnStack(parameter.ParameterType) : MetadataType.Void;
                case Code.Ldfld or Code.Ldsfld:
                    return OnStack(((FieldReference)instruction.Operand).FieldType);
                case Code.Call or Code.Callvirt:
                    return OnStack(((MethodReference)instruction.Operand).ReturnType);
                default:
                    return MetadataType.Void;
            }
        }

        return MetadataType.Void;
    }

    private static MetadataType OnStack(TypeReference type)
    {
        if (type.MetadataType == MetadataType.ValueType && type.Resolve() is { IsEnum: true } enumeration)
            return OnStack(enumeration.Fields.First(field => !field.IsStatic).FieldType);
        return type.MetadataType switch
        {
            MetadataType.Byte or MetadataType.SByte or MetadataType.Int16 or MetadataType.UInt16 or MetadataType.Char or MetadataType.Int32
                or MetadataType.UInt32 => MetadataType.Int32,
            MetadataType.Int64 or MetadataType.UInt64 => MetadataType.Int64,
            _ => MetadataType.Void,
        };
    }
}
