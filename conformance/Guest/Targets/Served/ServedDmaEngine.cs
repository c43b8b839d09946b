namespace Viommu.Guest.Targets.Served;

/// <summary>An endpoint of a served device that has a buffer of its own, as DMA engines have: only an access shows what is in it.</summary>
internal sealed class ServedDmaEngine(LineClient client, uint endpoint, int bufferSize) : IBusMaster
{
    /// <inheritdoc/>
    public uint EndpointId => endpoint;

    /// <inheritdoc/>
    public int BufferSize => bufferSize;

    /// <inheritdoc/>
    public void Load(ulong iova, int bufferOffset, int length) => Transfer("load", iova, bufferOffset, length);

    /// <inheritdoc/>
    public void Store(ulong iova, int bufferOffset, int length) => Transfer("store", iova, bufferOffset, length);

    private void Transfer(string direction, ulong iova, int bufferOffset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bufferOffset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, bufferSize - bufferOffset);
        var command = $"dma {Wording.Number(endpoint)} {direction} {Wording.Number(iova)} {Wording.Number((ulong)bufferOffset)} {Wording.Number((ulong)length)}";
        var answer = client.Ask(command);
        if (answer.Kind == AnswerKind.No || answer.Text.Length > 0) throw client.Misbehaved(command, answer);
    }
}
