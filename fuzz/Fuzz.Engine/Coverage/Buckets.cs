using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Viommu.Fuzz.Engine.Coverage;

/// <summary>Hit counts as the engine tells them apart: 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, 32 to 127, and more.</summary>
public static class Buckets
{
    private static readonly byte[] _ofCount = [.. Enumerable.Range(0, 256).Select(Of)];

    // By the lower half of a count whose upper half is 0, and by the upper half of any other.
    private static readonly Vector256<byte> _ofLowerHalf = Twice([0, 1, 2, 4, 8, 8, 8, 8, 16, 16, 16, 16, 16, 16, 16, 16]);
    private static readonly Vector256<byte> _ofUpperHalf = Twice([0, 32, 64, 64, 64, 64, 64, 64, 128, 128, 128, 128, 128, 128, 128, 128]);

    /// <summary>One bit for each bucket, none for no hit; by count.</summary>
    public static ReadOnlySpan<byte> ByCount => _ofCount;

    /// <summary>The same as <see cref="ByCount"/>, for 32 counts at once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Of(Vector256<byte> counts)
    {
        var upper = Vector256.ShiftRightLogical(counts.AsUInt16(), 4).AsByte() & Vector256.Create((byte)0xf);
        var ofSmall = LookUp(_ofLowerHalf, counts & Vector256.Create((byte)0xf));
        return Vector256.ConditionalSelect(Vector256.Equals(upper, Vector256<byte>.Zero), ofSmall, LookUp(_ofUpperHalf, upper));
    }

    // Each half of the table holds all of it, since shuffling within halves is what processors do at once.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> LookUp(Vector256<byte> table, Vector256<byte> index) => Avx2.IsSupported
        ? Avx2.Shuffle(table, index)
        : Vector256.Create(Vector128.Shuffle(table.GetLower(), index.GetLower()), Vector128.Shuffle(table.GetLower(), index.GetUpper()));

    private static Vector256<byte> Twice(ReadOnlySpan<byte> table) => Vector256.Create(Vector128.Create(table), Vector128.Create(table));

    private static byte Of(int count) => count switch
    {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        < 8 => 8,
        < 16 => 16,
        < 32 => 32,
        < 128 => 64,
        _ => 128,
    };
}
