using System.Runtime.InteropServices;

namespace Viommu.Fuzz.Engine.Coverage;

/// <summary>
/// A saturating counter for each edge, at an address that never moves: instrumented code has it as a literal. Its length is that of the
/// edges, rounded up to whole <see cref="Block"/>s.
/// </summary>
public sealed unsafe class CounterMap : IDisposable
{
    /// <summary>Bytes that are looked at together.</summary>
    public const int Block = 64;

    private readonly bool _isLow;
    private byte* _first;

    /// <summary>Makes a map of at least <paramref name="length"/> counters, all zero.</summary>
    public CounterMap(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = (length + Block) / Block * Block;
        _first = LowMemory.TryAllocate(Length);
        _isLow = _first is not null;
        if (!_isLow) _first = (byte*)NativeMemory.AlignedAlloc((nuint)Length, Block);
        Counters.Clear();
    }

    /// <summary>Number of counters.</summary>
    public int Length { get; }

    /// <summary>The counters.</summary>
    public Span<byte> Counters => new(_first, Length);

    /// <summary>Where they are.</summary>
    public nint Address => (nint)_first;

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the memory.</summary>
    ~CounterMap() => Free();

    private void Free()
    {
        if (_isLow && _first is not null) LowMemory.Free(_first, Length);
        else if (!_isLow) NativeMemory.AlignedFree(_first);
        _first = null;
    }
}
