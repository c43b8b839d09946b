namespace Viommu.Guest.Targets.Qemu;

/// <summary>
/// A firmware image that does nothing: the processor halts at its first instructions and stays quiet while the machine around it runs.
/// </summary>
internal static class HaltedFirmware
{
    private const byte Hlt = 0xf4;
    private const int Size = 0x10000;
    private const int ResetVector = 0xfff0;

    /// <summary>The image: <c>hlt</c> throughout, and at the reset vector <c>cli; hlt; jmp</c> to that <c>hlt</c>.</summary>
    public static byte[] Image()
    {
        var image = new byte[Size];
        Array.Fill(image, Hlt);
        ReadOnlySpan<byte> halt = [0xfa, Hlt, 0xeb, 0xfd];
        halt.CopyTo(image.AsSpan(ResetVector));
        return image;
    }
}
