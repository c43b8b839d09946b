namespace Viommu.Guest.Targets.Served;

/// <summary>
/// An endpoint of a served device. Its buffer is here, so that the other side only has to move bytes; what it tells of an access is
/// not passed on, since what reaches memory is what counts.
/// </summary>
internal sealed class ServedBusMaster(LineClient client, uint endpoint) : IBusMaster
{
    /// <summary>The longest access in bytes.</summary>
    public const int LongestAccess = 4096;

    private readonly byte[] _buffer = new byte[LongestAccess];

    /// <inheritdoc/>
    public uint EndpointId => endpoint;

    /// <inheritdoc/>
    public int BufferSize => _buffer.Length;

    /// <inheritdoc/>
    public void Load(ulong iova, int bufferOffset, int length)
    {
        var into = _buffer.AsSpan(bufferOffset, length);
        var command = $"dma {Wording.Number(endpoint)} read {Wording.Number(iova)} {Wording.Number((ulong)length)}";
        var answer = client.Ask(command);
        // Of an access that was refused on its way, the bytes that came before.
        var bytes = Bytes(answer.Text);
        if (answer.Kind == AnswerKind.No || bytes is null || (answer.Kind == AnswerKind.Ok ? bytes.Length != length : bytes.Length >= length))
            throw client.Misbehaved(command, answer);
        bytes.CopyTo(into);
    }

    /// <inheritdoc/>
    public void Store(ulong iova, int bufferOffset, int length)
    {
        var command = $"dma {Wording.Number(endpoint)} write {Wording.Number(iova)} {Convert.ToHexStringLower(_buffer.AsSpan(bufferOffset, length))}";
        var answer = client.Ask(command);
        if (answer.Kind == AnswerKind.No || answer.Text.Length > 0) throw client.Misbehaved(command, answer);
    }

    private static byte[]? Bytes(string hex) => hex.Length % 2 == 0 && hex.All(char.IsAsciiHexDigit) ? Convert.FromHexString(hex) : null;
}
