using System.Buffers.Binary;

namespace Viommu.Fuzz.Engine.Mutation;

/// <summary>Gives fields values that suit their meaning.</summary>
internal sealed class FieldMutator(ValueDictionary dictionary, Random64 random)
{
    private static readonly ulong[] _boundaries =
    [
        0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 0x7ff, 0xfff, 0x1000, 0x1001, 0x1fff, 0x2000, 0x7fff, 0x8000, 0xffff,
        0x1_0000, 0x10_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000, 0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000,
        0xffff_ffff_ffff_efff, 0xffff_ffff_ffff_f000, 0xffff_ffff_ffff_fffe, 0xffff_ffff_ffff_ffff,
    ];

    private static readonly ulong[] _steps = [1, 1, 1, 2, 4, 8, 16, 0x100, 0x1000, 0x1000, 0x2000, 0x1_0000, 0x8000_0000];

    private static readonly ulong[] _lengths = [0x1000, 0x1000, 0x1000, 0x2000, 0x4000, 0x1_0000, 1];

    /// <summary>The value of a field, which is 1, 2, 4 or 8 bytes long.</summary>
    public static ulong Read(ReadOnlySpan<byte> field) => field.Length switch
    {
        1 => field[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(field),
        4 => BinaryPrimitives.ReadUInt32LittleEndian(field),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(field),
    };

    /// <summary>Writes as many bytes of a value as the field has.</summary>
    public static void Write(Span<byte> field, ulong value)
    {
        switch (field.Length)
        {
            case 1: field[0] = (byte)value; break;
            case 2: BinaryPrimitives.WriteUInt16LittleEndian(field, (ushort)value); break;
            case 4: BinaryPrimitives.WriteUInt32LittleEndian(field, (uint)value); break;
            default: BinaryPrimitives.WriteUInt64LittleEndian(field, value); break;
        }
    }

    /// <summary>A value as well-formed input has it.</summary>
    public void Fresh(Span<byte> record, Field field)
    {
        ulong value = field.Values.Length > 0 ? Suggested(field) : field.Kind == FieldKind.Reserved ? 0 : Boundary();
        Write(record.Slice(field.Offset, field.Width), value);
    }

    /// <summary>Another value, perhaps taken from a field of another record of <paramref name="records"/>.</summary>
    public void Change(Span<byte> record, Field field, ReadOnlySpan<byte> records, InputShape shape)
    {
        var place = record.Slice(field.Offset, field.Width);
        ulong now = Read(place);
        Write(place, field.Kind switch
        {
            FieldKind.Choice => random.OneIn(16) ? random.Next() : Suggested(field),
            FieldKind.Flags => random.OneIn(3) ? Suggested(field) : now ^ (1UL << random.Below(random.OneIn(2) ? Math.Min(8, field.Width * 8) : field.Width * 8)),
            FieldKind.Reserved => random.OneIn(2) ? 0 : 1UL << random.Below(field.Width * 8),
            FieldKind.Start or FieldKind.End => Address(field, now, records, shape),
            _ => Number(field, now),
        });
    }

    /// <summary>Gives each range of a record the length of some pages, wherever it starts: its end is a number that hardly any other choice hits.</summary>
    public void FitEnds(Span<byte> record, ReadOnlySpan<Field> fields)
    {
        ulong start = 0;
        foreach (var field in fields)
        {
            var place = record.Slice(field.Offset, field.Width);
            if (field.Kind == FieldKind.Start) start = Read(place);
            else if (field.Kind == FieldKind.End) Write(place, start + _lengths[random.Below(_lengths.Length)] - 1);
        }
    }

    /// <summary>Moves the end of a range as far as its start, which was at <paramref name="before"/>, has been moved.</summary>
    public static void MoveEnd(Span<byte> record, ReadOnlySpan<Field> behind, ulong before, Field start)
    {
        foreach (var field in behind)
        {
            if (field.Kind == FieldKind.Start) return;
            if (field.Kind != FieldKind.End) continue;
            var end = record.Slice(field.Offset, field.Width);
            Write(end, Read(end) + Read(record.Slice(start.Offset, start.Width)) - before);
            return;
        }
    }

    private ulong Number(Field field, ulong now) => random.Below(8) switch
    {
        0 => now + Step(),
        1 => now - Step(),
        2 => now ^ (1UL << random.Below(field.Width * 8)),
        3 => Boundary(),
        4 => dictionary.Pick(random),
        5 => random.Next(),
        _ => Suggested(field),
    };

    private ulong Address(Field field, ulong now, ReadOnlySpan<byte> records, InputShape shape) => random.Below(10) switch
    {
        0 => now + Step(),
        1 => now - Step(),
        2 => Boundary(),
        3 => dictionary.Pick(random),
        4 => now ^ (1UL << random.Below(field.Width * 8)),
        5 => random.Next() & ~0xfffUL,
        6 => Suggested(field),
        _ => Related(field, now, records, shape),
    };

    // An address of another record: the same, or one beside it so that ranges touch.
    private ulong Related(Field field, ulong now, ReadOnlySpan<byte> records, InputShape shape)
    {
        int count = records.Length / shape.RecordSize;
        if (count == 0) return now;
        var record = records.Slice(random.Below(count) * shape.RecordSize, shape.RecordSize);
        var fields = shape.Kinds[shape.KindOf(record[0])].Fields;
        int start = random.Below(fields.Length);
        for (int i = 0; i < fields.Length; i++)
        {
            var other = fields[(start + i) % fields.Length];
            if (other.Kind is not (FieldKind.Start or FieldKind.End)) continue;
            ulong value = Read(record.Slice(other.Offset, other.Width));
            if (other.Kind == field.Kind) return random.OneIn(4) ? value + 1 - (ulong)random.Below(3) : value;
            if (random.OneIn(4)) return value;
            return field.Kind == FieldKind.Start ? value + 1 : value - 1;
        }

        return now;
    }

    private ulong Suggested(Field field) => field.Values.Length > 0 ? field.Values[random.Below(field.Values.Length)] : Boundary();

    private ulong Boundary() => random.OneIn(3)
        ? (1UL << random.Below(64)) - (ulong)random.Below(2)
        : _boundaries[random.Below(_boundaries.Length)];

    private ulong Step() => _steps[random.Below(_steps.Length)] * (ulong)(1 + random.Below(3));
}
