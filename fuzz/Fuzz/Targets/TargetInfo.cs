using Viommu.Conformance.Selftest;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Targets;

/// <summary>A fuzz target: what its inputs look like, and how it is made.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Summary">What it fuzzes, in a line.</param>
/// <param name="Shape">Layout of its inputs.</param>
/// <param name="StateCount">Number of the abstract states that it tells apart.</param>
/// <param name="New">Makes one, around the reference device or a broken one.</param>
internal sealed record TargetInfo(string Name, string Summary, InputShape Shape, int StateCount, Func<Subject, IFuzzTarget> New)
{
    /// <summary>Assemblies whose coverage guides the search.</summary>
    public IReadOnlyList<string> Instrumented { get; init; } = ["Viommu.Device"];

    /// <summary>
    /// Whether code is what is fuzzed: that which guides the search, and what makes a broken device of it. What is left are oracles and
    /// machines, whose exceptions say nothing of a device.
    /// </summary>
    public bool IsUnderTest(Type code) =>
        Instrumented.Contains(code.Assembly.GetName().Name) || code.Namespace == typeof(BrokenDevice).Namespace;

    /// <summary>Whether what is wrong with a device can show in it.</summary>
    public Func<Subject, bool> Shows { get; init; } = subject => !subject.InterceptsRegisters;

    /// <summary>Inputs to start from, by name.</summary>
    public Func<IEnumerable<Seed>> Seeds { get; init; } = () => [];

    /// <summary>Numbers of the spec that its inputs are likely to need.</summary>
    public IReadOnlyList<SpecConstant> Constants { get; init; } = [];

    /// <summary>Values worth trying in any field.</summary>
    public IReadOnlyList<ulong> Values => [.. Constants.Select(constant => constant.Value).Distinct()];

    /// <summary>Byte strings worth trying anywhere.</summary>
    public IReadOnlyList<byte[]> Tokens { get; init; } = [];

    /// <summary>How its inputs are kept in files.</summary>
    public IInputFormat Format { get; init; } = RawFormat.Instance;
}

/// <summary>An input to start from.</summary>
/// <param name="Name">What it is about, as a file is named.</param>
/// <param name="Input">The input.</param>
internal sealed record Seed(string Name, byte[] Input);

/// <summary>How inputs of a target are kept in files, and shown to people.</summary>
internal interface IInputFormat
{
    /// <summary>Extension of the files, with the dot.</summary>
    string Extension { get; }

    /// <summary>The content of a file.</summary>
    byte[] ToFile(ReadOnlySpan<byte> input);

    /// <summary>The input in a file; a <see cref="FormatException"/> says where it makes no sense.</summary>
    byte[] FromFile(ReadOnlySpan<byte> file);

    /// <summary>Whether two inputs do the same, on whatever device.</summary>
    bool AreSame(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other);
}

/// <summary>The input is the file.</summary>
internal sealed class RawFormat : IInputFormat
{
    public static RawFormat Instance { get; } = new();

    public string Extension => ".bin";

    public byte[] ToFile(ReadOnlySpan<byte> input) => input.ToArray();

    public byte[] FromFile(ReadOnlySpan<byte> file) => file.ToArray();

    public bool AreSame(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other) => one.SequenceEqual(other);
}
