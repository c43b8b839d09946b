using Viommu.Guest.Wire;

namespace Viommu.Guest.Driver;

/// <summary>A buffer on the event queue, and what came back in it.</summary>
/// <param name="Lent">The guarded memory.</param>
/// <param name="UsedLength">The used length.</param>
public sealed record EventBuffer(GuardedBuffer Lent, uint UsedLength)
{
    /// <summary>What the buffer holds.</summary>
    public byte[] Bytes { get; } = Lent.Read();

    /// <summary>The report; null where the used length is short of one.</summary>
    public FaultReport? Report => UsedLength >= FaultReport.Size && Bytes.Length >= FaultReport.Size ? FaultReport.Decode(Bytes) : null;

    /// <inheritdoc/>
    public override string ToString() =>
        $"! event, used length {UsedLength} of {Lent.Length}: {Report?.ToString() ?? "no whole report"}\n    {Convert.ToHexStringLower(Bytes)}";
}
