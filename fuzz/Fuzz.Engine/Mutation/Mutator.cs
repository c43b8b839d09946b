using System.Buffers.Binary;

namespace Viommu.Fuzz.Engine.Mutation;

/// <summary>
/// Makes new inputs out of known ones, in a buffer of its own: records are inserted, removed, copied, moved and crossed over whole, and
/// fields get values that suit their meaning. Inputs that are byte strings, and now and then the others too, get byte-level havoc.
/// Nothing is allocated.
/// </summary>
public sealed class Mutator
{
    private readonly InputShape _shape;
    private readonly Random64 _random;
    private readonly ValueDictionary _dictionary;
    private readonly FieldMutator _fields;
    private readonly ByteHavoc _havoc;
    private readonly int[] _kindByWeight;
    private readonly byte[] _buffer;
    private readonly byte[] _record;
    private int _length;

    /// <summary>Makes inputs of <paramref name="shape"/>.</summary>
    public Mutator(InputShape shape, ValueDictionary dictionary, Random64 random)
    {
        _shape = shape;
        _random = random;
        _dictionary = dictionary;
        _fields = new(dictionary, random);
        _havoc = new(dictionary, random);
        _kindByWeight = [.. shape.Kinds.SelectMany((kind, index) => Enumerable.Repeat(index, kind.Weight))];
        _buffer = new byte[shape.MaximumSize];
        _record = new byte[shape.RecordSize];
    }

    /// <summary>The input made last; good until the next one.</summary>
    public ReadOnlySpan<byte> Current => _buffer.AsSpan(0, _length);

    private int Records => _shape.RecordsIn(_length);

    /// <summary>Makes an input from nothing.</summary>
    public ReadOnlySpan<byte> Generate()
    {
        _length = _shape.HeaderSize;
        _buffer.AsSpan(0, _length).Clear();
        foreach (var field in _shape.Header) _fields.Fresh(_buffer, field);
        int records = 1 + _random.Below(Math.Min(_shape.MaximumRecords, 16));
        if (_shape.IsBytes)
        {
            for (int i = 0; i < records; i++) _buffer[_length++] = (byte)_random.Next();
            return Current;
        }

        for (int i = 0; i < records; i++) InsertFresh(i);
        return Current;
    }

    /// <summary>Makes an input out of <paramref name="parent"/>, and perhaps parts of <paramref name="other"/>.</summary>
    public ReadOnlySpan<byte> Mutate(ReadOnlySpan<byte> parent, ReadOnlySpan<byte> other)
    {
        Take(parent);
        // One change most of the time, many seldom: 1 to 16, halving.
        int changes = 1;
        while (changes < 16 && _random.OneIn(2)) changes++;
        for (int i = 0; i < changes; i++) Change(other);
        return Current;
    }

    /// <summary>
    /// Makes an input out of <paramref name="parent"/> by putting <paramref name="wanted"/> where <paramref name="seen"/> is (input to
    /// state, as of Redqueen): the n-th place of that width. False where there are fewer places.
    /// </summary>
    public bool TryReplace(ReadOnlySpan<byte> parent, ulong seen, ulong wanted, int width, int place, out ReadOnlySpan<byte> result)
    {
        Take(parent);
        Span<byte> needle = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(needle, seen);
        needle = needle[..width];
        int from = 0;
        for (; ; )
        {
            int found = _buffer.AsSpan(from, _length - from).IndexOf(needle);
            if (found < 0)
            {
                result = default;
                return false;
            }

            from += found;
            if (place-- == 0) break;
            from++;
        }

        FieldMutator.Write(_buffer.AsSpan(from, width), wanted);
        result = Current;
        return true;
    }

    private void Take(ReadOnlySpan<byte> parent)
    {
        _length = Math.Min(parent.Length, _buffer.Length);
        parent[.._length].CopyTo(_buffer);
        // What is shorter than a header stands for one that goes on with zeroes.
        if (_length < _shape.HeaderSize)
        {
            _buffer.AsSpan(_length, _shape.HeaderSize - _length).Clear();
            _length = _shape.HeaderSize;
        }
    }

    private void Change(ReadOnlySpan<byte> other)
    {
        if (_shape.Header.Count > 0 && _random.OneIn(12))
        {
            _fields.Change(_buffer, _shape.Header[_random.Below(_shape.Header.Count)], Current[_shape.HeaderSize..], _shape);
            return;
        }

        if (_shape.IsBytes)
        {
            int body = _length - _shape.HeaderSize;
            _length = _shape.HeaderSize + _havoc.Change(_buffer.AsSpan(_shape.HeaderSize), body, other.Length > _shape.HeaderSize ? other[_shape.HeaderSize..] : default);
            return;
        }

        if (Records == 0)
        {
            InsertFresh(0);
            return;
        }

        switch (_random.Below(20))
        {
            case 0 or 1: InsertFresh(_random.Below(Records + 1)); break;
            case 2 or 3: Remove(_random.Below(Records)); break;
            case 4: Duplicate(); break;
            case 5: Swap(); break;
            case 6 or 7: Splice(other); break;
            case 8: CrossOver(other); break;
            case 9: Overwrite(other); break;
            case 10: HavocOnRecord(); break;
            case 11: Truncate(); break;
            default: ChangeField(); break;
        }
    }

    private Span<byte> Record(int index) => _buffer.AsSpan(_shape.HeaderSize + (index * _shape.RecordSize), _shape.RecordSize);

    private void ChangeField()
    {
        var record = Record(_random.Below(Records));
        var fields = _shape.Kinds[_shape.KindOf(record[0])].Fields;
        if (fields.Length == 0) return;
        int which = _random.Below(fields.Length);
        var field = fields[which];
        ulong before = field.Kind == FieldKind.Start ? FieldMutator.Read(record.Slice(field.Offset, field.Width)) : 0;
        _fields.Change(record, field, Current[_shape.HeaderSize..], _shape);
        // A range that moves as a whole keeps its length, and with it what makes it a good one.
        if (field.Kind == FieldKind.Start && _random.OneIn(2)) FieldMutator.MoveEnd(record, fields.AsSpan(which + 1), before, field);
        else if (field.Kind is FieldKind.Start or FieldKind.End && _random.OneIn(4)) _fields.FitEnds(record, fields);
    }

    private void InsertFresh(int at)
    {
        if (!MakeRoom(at, 1)) return;
        var record = Record(at);
        record.Clear();
        int kind = _kindByWeight[_random.Below(_kindByWeight.Length)];
        record[0] = (byte)kind;
        foreach (var field in _shape.Kinds[kind].Fields)
        {
            // Half of all fields take up what other records have, since requests that do not refer to each other are soon exhausted.
            _fields.Fresh(record, field);
            if (_random.OneIn(2)) _fields.Change(record, field, Current[_shape.HeaderSize..], _shape);
        }

        if (_random.OneIn(2)) _fields.FitEnds(record, _shape.Kinds[kind].Fields);
    }

    private bool MakeRoom(int at, int records)
    {
        _length = _shape.HeaderSize + (Records * _shape.RecordSize);
        if (Records + records > _shape.MaximumRecords) return false;
        int from = _shape.HeaderSize + (at * _shape.RecordSize);
        int by = records * _shape.RecordSize;
        _buffer.AsSpan(from, _length - from).CopyTo(_buffer.AsSpan(from + by));
        _length += by;
        return true;
    }

    private void Remove(int at)
    {
        int count = 1 + (_random.OneIn(4) ? _random.Below(Records - at) : 0);
        int from = _shape.HeaderSize + (at * _shape.RecordSize);
        int to = Math.Min(from + (count * _shape.RecordSize), _length);
        _buffer.AsSpan(to, _length - to).CopyTo(_buffer.AsSpan(from));
        _length -= to - from;
    }

    private void Truncate() => _length = _shape.HeaderSize + ((1 + _random.Below(Records)) * _shape.RecordSize);

    private void Duplicate()
    {
        int source = _random.Below(Records);
        Record(source).CopyTo(_record);
        int at = _random.Below(Records + 1);
        if (MakeRoom(at, 1)) _record.CopyTo(Record(at));
    }

    private void Swap()
    {
        int one = _random.Below(Records);
        int two = _random.Below(Records);
        Record(one).CopyTo(_record);
        Record(two).CopyTo(Record(one));
        _record.CopyTo(Record(two));
    }

    private void Splice(ReadOnlySpan<byte> other)
    {
        int theirs = _shape.RecordsIn(other.Length);
        if (theirs == 0) return;
        int from = _random.Below(theirs);
        int count = Math.Min(1 + _random.Below(theirs - from), 8);
        int at = _random.Below(Records + 1);
        if (!MakeRoom(at, count)) return;
        other.Slice(_shape.HeaderSize + (from * _shape.RecordSize), count * _shape.RecordSize).CopyTo(_buffer.AsSpan(_shape.HeaderSize + (at * _shape.RecordSize)));
    }

    private void CrossOver(ReadOnlySpan<byte> other)
    {
        int theirs = _shape.RecordsIn(other.Length);
        if (theirs == 0) return;
        int keep = 1 + _random.Below(Records);
        int from = _random.Below(theirs);
        int count = Math.Min(theirs - from, _shape.MaximumRecords - keep);
        _length = _shape.HeaderSize + (keep * _shape.RecordSize);
        other.Slice(_shape.HeaderSize + (from * _shape.RecordSize), count * _shape.RecordSize).CopyTo(_buffer.AsSpan(_length));
        _length += count * _shape.RecordSize;
    }

    private void Overwrite(ReadOnlySpan<byte> other)
    {
        int theirs = _shape.RecordsIn(other.Length);
        if (theirs == 0) return;
        other.Slice(_shape.HeaderSize + (_random.Below(theirs) * _shape.RecordSize), _shape.RecordSize).CopyTo(Record(_random.Below(Records)));
    }

    private void HavocOnRecord()
    {
        var record = Record(_random.Below(Records));
        if (_dictionary.Tokens is { Length: > 0 } tokens && _random.OneIn(2))
        {
            ReadOnlySpan<byte> token = tokens[_random.Below(tokens.Length)];
            int at = _random.Below(record.Length);
            token[..Math.Min(token.Length, record.Length - at)].CopyTo(record[at..]);
            return;
        }

        int width = 1 << _random.Below(4);
        if (width > record.Length) return;
        FieldMutator.Write(record.Slice(_random.Below(record.Length - width + 1), width), _random.OneIn(2) ? _random.Next() : _dictionary.Pick(_random));
    }
}
