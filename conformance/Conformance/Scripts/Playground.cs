using Viommu.Guest.Driver;

namespace Viommu.Conformance.Scripts;

/// <summary>
/// Guest memory that scripts map, and that accesses of endpoints are seen in. Each byte is even and tells by its place; what endpoints write
/// is odd. So a byte that was written shows wherever it went, and of bytes that were read it shows where they came from.
/// </summary>
internal sealed class Playground
{
    /// <summary>The most bytes that a playground has.</summary>
    public const int LargestSize = 1 << 24;

    private const ulong Pages = 16;
    private const ulong HugePages = 3;
    private const ulong Huge = 1 << 17;

    // Fewer bytes in a row are found in too many places to say that they were read from one.
    private const int TellingRun = 8;

    private readonly Machine machine;
    private readonly byte[] image;
    private readonly byte[] now;

    public Playground(Machine machine, ulong page)
    {
        this.machine = machine;
        var size = Math.Clamp((page < Huge ? Pages : HugePages) * page, 1, LargestSize);
        Base = machine.Heap.Allocate(size, Math.Min(page, LargestSize));
        image = new byte[size];
        now = new byte[size];
        for (var i = 0; i < image.Length; i++) image[i] = Content((uint)i);
        machine.Target.Ram.Write(Base, image);
    }

    /// <summary>Where it begins.</summary>
    public ulong Base { get; }

    /// <summary>Its last address.</summary>
    public ulong Last => Base + (ulong)image.Length - 1;

    /// <summary>Its size in bytes.</summary>
    public int Length => image.Length;

    public bool Holds(ulong physical) => physical >= Base && physical <= Last;

    /// <summary>
    /// Looks for the bytes of <paramref name="written"/>, puts into <paramref name="landed"/> where each of them is, and puts everything back.
    /// Bytes that are nowhere are left alone.
    /// </summary>
    public void FindWritten(ReadOnlySpan<byte> written, Span<ulong> landed)
    {
        machine.Target.Ram.Read(Base, now);
        var at = now.AsSpan().CommonPrefixLength(image);
        if (at == image.Length) return;
        var first = at;
        int? delta = null;
        for (; at < image.Length; at++)
        {
            if (now[at] == image[at])
            {
                // From one byte that was written to the next can be far.
                at += now.AsSpan(at).CommonPrefixLength(image.AsSpan(at)) - 1;
                continue;
            }
            // Runs can follow each other without a gap, and any piece of the access can lie before another.
            if (delta is not { } run || at - run < 0 || at - run >= written.Length || written[at - run] != now[at]) run = at - IndexOfRun(written, now.AsSpan(at));
            delta = run;
            if (at - run < written.Length) landed[at - run] = Base + (ulong)at;
        }
        machine.Target.Ram.Write(Base + (ulong)first, image.AsSpan(first));
    }

    /// <summary>Says of bytes that an endpoint holds where each of them comes from, if that can be told from so many.</summary>
    public bool TryFindSource(ReadOnlySpan<byte> held, out ulong source)
    {
        var at = held.Length < TellingRun ? -1 : image.AsSpan().IndexOf(held);
        source = Base + (ulong)Math.Max(at, 0);
        return at >= 0;
    }

    /// <summary>What a byte of memory holds.</summary>
    public byte this[ulong physical] => image[physical - Base];

    /// <summary>Makes room for bytes that an endpoint is to store, so that it shows whether it did.</summary>
    public void Blank(ulong physical, int length)
    {
        Span<byte> blank = stackalloc byte[length];
        blank.Fill(Blanked);
        machine.Target.Ram.Write(physical, blank);
    }

    /// <summary>What <see cref="Blank"/> leaves: odd, as no byte of memory is.</summary>
    public const byte Blanked = 0x55;

    /// <summary>Puts bytes back.</summary>
    public void Restore(ulong physical, int length) => machine.Target.Ram.Write(physical, image.AsSpan((int)(physical - Base), length));

    // Mixed so well that eight bytes in a row are nowhere twice.
    private static byte Content(uint at)
    {
        var mixed = unchecked((at ^ (at >> 15)) * 0x85eb_ca6bu);
        mixed = unchecked((mixed ^ (mixed >> 13)) * 0xc2b2_ae35u);
        return (byte)((mixed ^ (mixed >> 16)) & 0xfe);
    }

    private static int IndexOfRun(ReadOnlySpan<byte> written, ReadOnlySpan<byte> found)
    {
        var (best, longest) = (written.Length, 0);
        for (var i = 0; i < written.Length; i++)
        {
            var run = written[i..].CommonPrefixLength(found);
            if (run > longest) (best, longest) = (i, run);
        }
        return best;
    }
}
