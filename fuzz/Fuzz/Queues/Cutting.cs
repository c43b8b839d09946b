namespace Viommu.Fuzz.Queues;

/// <summary>How the two parts of a request are cut into descriptors, and where those are.</summary>
internal enum CutKind : byte
{
    /// <summary>One descriptor for each part.</summary>
    Plain,

    /// <summary>The readable part in several.</summary>
    Readable,

    /// <summary>The writable part in several, the tail of an answer among them.</summary>
    Writable,

    /// <summary>Both in several.</summary>
    Both,

    /// <summary>All in an indirect table.</summary>
    Table,

    /// <summary>The same, and the descriptor that refers to it has the WRITE flag, which means nothing (2.7.5.3.2, 2.8.7).</summary>
    WritableTable,

    /// <summary>A descriptor in the ring, the others in a table: split rings only (2.7.5.3.2).</summary>
    DirectAndTable,

    /// <summary>A table whose entries are not in order (split), or that has bits set which mean nothing there (packed).</summary>
    OddTable,

    /// <summary>More descriptors than some device takes.</summary>
    Long,
}

/// <summary>The pieces of a request.</summary>
internal sealed class Cutting
{
    // A device may limit the descriptors of a buffer; no reasonable limit is below the pieces that the others are cut into.
    private const int FewPieces = 4;

    private readonly Piece[] _pieces = new Piece[QueueLayout.MostPieces];
    private int _count;

    public ReadOnlySpan<Piece> Pieces => _pieces.AsSpan(0, _count);

    public CutKind Kind { get; private set; }

    public bool IsInTable => Kind is CutKind.Table or CutKind.WritableTable or CutKind.DirectAndTable or CutKind.OddTable;

    /// <summary>Pieces in the ring itself, but for the one that refers to a table.</summary>
    public int Direct => Kind == CutKind.DirectAndTable ? 1 : IsInTable ? 0 : _count;

    /// <summary>Descriptors of the ring.</summary>
    public int Entries => Direct + (IsInTable ? 1 : 0);

    /// <summary>Cuts the request in a slot, as far as what was negotiated and the ring's format allow.</summary>
    public void Cut(LentRequest request, CutKind kind, int seed, bool isPacked, bool hasIndirect)
    {
        if (!hasIndirect && kind is >= CutKind.Table and <= CutKind.OddTable) kind = CutKind.Both;
        if (isPacked && kind == CutKind.DirectAndTable) kind = CutKind.Table;
        Kind = kind;
        _count = 0;
        int readable = kind switch
        {
            CutKind.Plain or CutKind.Writable => 1,
            CutKind.Long => QueueLayout.MostPieces - FewPieces,
            _ => 2 + (seed % (FewPieces - 1)),
        };
        int writable = kind switch
        {
            CutKind.Plain or CutKind.Readable => 1,
            CutKind.Long => FewPieces,
            _ => 2 + (seed / FewPieces % (FewPieces - 1)),
        };
        Add(QueueLayout.Readable(request.Slot), request.ReadableLength, readable, seed, isWritable: false);
        Add(QueueLayout.Writable(request.Slot), request.WritableLength, writable, seed, isWritable: true);
        request.IsLong = _count > 2 * FewPieces;
        request.Entries = Entries;
    }

    // One byte, or a few, for each but the last: at the beginning for what is read, at the end, where the tail is, for what is written.
    private void Add(int offset, int length, int pieces, int seed, bool isWritable)
    {
        pieces = Math.Min(pieces, length);
        int left = length;
        for (int i = 0; i < pieces; i++)
        {
            int others = pieces - i - 1;
            int take = others == 0 ? left
                : !isWritable ? Math.Min(1 + ((seed >> (2 * i)) & 3), left - others)
                : i == 0 ? Math.Max(1, left - others - ((seed >> 4) & 3)) : 1;
            _pieces[_count++] = new(offset, take, isWritable);
            offset += take;
            left -= take;
        }
    }
}
