using Viommu.Guest.Targets;

namespace Viommu.Guest.Tests.Support;

/// <summary>A mebibyte of guest memory from 0x10000 on, all zero, that a test can look at and write to in hex.</summary>
internal sealed class FakeRam : IGuestRam
{
    private const ulong First = 0x1_0000;

    private readonly byte[] bytes = new byte[1 << 20];

    public AddressWindow Window => new(First, First + (ulong)bytes.Length - 1);

    public void Read(ulong address, Span<byte> into) => bytes.AsSpan((int)(address - First), into.Length).CopyTo(into);

    public void Write(ulong address, ReadOnlySpan<byte> from) => from.CopyTo(bytes.AsSpan((int)(address - First)));

    /// <summary>Writes bytes in hex; blanks do not count.</summary>
    public void Write(ulong address, string hex) => Write(address, Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)));

    /// <summary>Memory as hex, in groups of four bytes.</summary>
    public string Hex(ulong address, int length) =>
        string.Join(' ', bytes.AsSpan((int)(address - First), length).ToArray().Chunk(4).Select(Convert.ToHexStringLower));
}
