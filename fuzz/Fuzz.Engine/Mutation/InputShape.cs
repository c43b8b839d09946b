namespace Viommu.Fuzz.Engine.Mutation;

/// <summary>What a field of an input means, which decides how it is mutated.</summary>
public enum FieldKind
{
    /// <summary>A number without further meaning.</summary>
    Number,

    /// <summary>A choice among few values.</summary>
    Choice,

    /// <summary>Bits, each with a meaning of its own.</summary>
    Flags,

    /// <summary>The first address of a range: related to the addresses of other fields.</summary>
    Start,

    /// <summary>The last address of a range: related to the addresses of other fields, one below those of starts.</summary>
    End,

    /// <summary>Bytes that are zero in well-formed input.</summary>
    Reserved,
}

/// <summary>A little-endian field of an input.</summary>
/// <param name="Name">What it is called where input is shown.</param>
/// <param name="Offset">Its place in the record or header, in bytes.</param>
/// <param name="Width">Its length in bytes: 1, 2, 4 or 8.</param>
/// <param name="Kind">How it is mutated.</param>
/// <param name="Values">The values worth trying; they are preferred, others come as well.</param>
public sealed record Field(string Name, int Offset, int Width, FieldKind Kind, params ulong[] Values);

/// <summary>One kind of record.</summary>
/// <param name="Name">What it is called where input is shown.</param>
/// <param name="Weight">How often new records are of this kind, compared with the others.</param>
/// <param name="Fields">Its fields.</param>
public sealed record RecordKind(string Name, int Weight, params Field[] Fields);

/// <summary>
/// How the inputs of a target are laid out: a header, and records of one size, each of a kind that its first byte tells (modulo the number
/// of kinds, so that every byte string is an input). Mutation and crossover keep to the boundaries of records. Where records are single
/// bytes, inputs are byte strings.
/// </summary>
public sealed record InputShape
{
    /// <summary>Length of the header, in bytes.</summary>
    public int HeaderSize { get; init; }

    /// <summary>Length of a record, in bytes.</summary>
    public int RecordSize { get; init; } = 1;

    /// <summary>The most records that an input has; further ones are ignored by the target.</summary>
    public int MaximumRecords { get; init; } = 4096;

    /// <summary>Fields of the header.</summary>
    public IReadOnlyList<Field> Header { get; init; } = [];

    /// <summary>Kinds of records; empty where records are bytes.</summary>
    public IReadOnlyList<RecordKind> Kinds { get; init; } = [];

    /// <summary>True where inputs are byte strings.</summary>
    public bool IsBytes => Kinds.Count == 0;

    /// <summary>Length of the longest input, in bytes.</summary>
    public int MaximumSize => HeaderSize + (RecordSize * MaximumRecords);

    /// <summary>Whole records of an input of that length.</summary>
    public int RecordsIn(int length) => Math.Clamp((length - HeaderSize) / RecordSize, 0, MaximumRecords);

    /// <summary>The kind of the record that starts with that byte.</summary>
    public int KindOf(byte first) => first % Kinds.Count;
}
