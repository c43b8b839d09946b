using Viommu.Guest.Driver;

namespace Viommu.Conformance.Oracle;

/// <summary>A request as the device sees it: nothing but bytes, and room for more.</summary>
/// <param name="readable">The device-readable bytes of the chain, one after the other.</param>
/// <param name="writableLength">Length of the device-writable part.</param>
public readonly ref struct RequestView(ReadOnlySpan<byte> readable, int writableLength)
{
    /// <summary>The device-readable bytes.</summary>
    public ReadOnlySpan<byte> Readable { get; } = readable;

    /// <summary>Length of the device-writable part.</summary>
    public int WritableLength { get; } = writableLength;
}

/// <summary>What the device did with the device-writable part of a request.</summary>
/// <param name="reply">All device-writable bytes as they are after the return.</param>
/// <param name="usedLength">The used length.</param>
/// <param name="poison">What every device-writable byte held before; a value that no field takes by accident.</param>
public readonly ref struct AnswerView(ReadOnlySpan<byte> reply, uint usedLength, byte poison = GuardedBuffer.Poison)
{
    /// <summary>The device never returned the request, and asks for a reset.</summary>
    public static AnswerView NotReturned => new(default, 0) { IsNotReturned = true };

    /// <summary>The device-writable bytes.</summary>
    public ReadOnlySpan<byte> Reply { get; } = reply;

    /// <summary>The used length.</summary>
    public uint UsedLength { get; } = usedLength;

    /// <summary>What the bytes held before.</summary>
    public byte Poison { get; } = poison;

    /// <summary>True for <see cref="NotReturned"/>.</summary>
    public bool IsNotReturned { get; private init; }
}
