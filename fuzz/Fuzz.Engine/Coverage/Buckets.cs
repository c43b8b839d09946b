namespace Viommu.Fuzz.Engine.Coverage;

/// <summary>Hit counts as the engine tells them apart: 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, 32 to 127, and more.</summary>
public static class Buckets
{
    private static readonly byte[] _ofCount = [.. Enumerable.Range(0, 256).Select(Of)];

    /// <summary>One bit for each bucket, none for no hit; by count.</summary>
    public static ReadOnlySpan<byte> ByCount => _ofCount;

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
