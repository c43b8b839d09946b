namespace Viommu.Guest.Targets.Qemu;

/// <summary>Guest memory whose accesses are put into a transcript: another QEMU does not share it with us.</summary>
internal sealed class TranscribedRam(IGuestRam ram, QtestTranscript transcript) : IGuestRam
{
    // What memory was seen to hold last; it begins as zeroes on both sides.
    private readonly byte[] _seen = new byte[ram.Window.Last - ram.Window.First + 1];

    /// <inheritdoc/>
    public AddressWindow Window => ram.Window;

    /// <inheritdoc/>
    public void Read(ulong address, Span<byte> into)
    {
        ram.Read(address, into);
        transcript.Read(address, Seen(address, into.Length), into);
        into.CopyTo(Seen(address, into.Length));
    }

    /// <inheritdoc/>
    public void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        // What the device has written since counts too, seen or not.
        var before = new byte[bytes.Length];
        ram.Read(address, before);
        transcript.Wrote(address, before, bytes);
        ram.Write(address, bytes);
        bytes.CopyTo(Seen(address, bytes.Length));
    }

    private Span<byte> Seen(ulong address, int length) => _seen.AsSpan((int)(address - Window.First), length);
}
