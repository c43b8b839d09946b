using Viommu.Fuzz.Machines;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;

namespace Viommu.Fuzz.Devices;

/// <summary>Guest memory for requests that are on their way: each has a place of its own, with guard bytes around its writable part.</summary>
internal sealed class RequestPlaces(IGuestRam ram, GuestHeap heap)
{
    /// <summary>Requests that can be on their way at once.</summary>
    public const int Count = 64;

    // A place: an indirect table, the readable part, the writable part, which ends where its room ends.
    private const int PlaceSize = 0x1000;
    private const int ReadableOffset = 0x100;
    private const int WritableEnd = 0xc00;
    private const int Guard = 16;

    private readonly ulong _places = heap.Allocate(Count * PlaceSize, PlaceSize);
    private readonly int[] _writable = new int[Count];
    private readonly byte[] _part = new byte[RequestMachine.MaximumWritable + (2 * Guard)];
    private int _replyLength;

    /// <summary>The whole writable part that was read last.</summary>
    public ReadOnlySpan<byte> Reply => _part.AsSpan(Guard, _replyLength);

    /// <summary>Where a place has room for an indirect table.</summary>
    public ulong TableOf(int place) => _places + (ulong)(place * PlaceSize);

    /// <summary>Where its readable part begins.</summary>
    public ulong ReadableOf(int place) => TableOf(place) + ReadableOffset;

    /// <summary>Where its writable part begins.</summary>
    public ulong WritableOf(int place) => TableOf(place) + WritableEnd - (ulong)_writable[place];

    /// <summary>Puts a request into a place.</summary>
    public void Put(int place, ReadOnlySpan<byte> readable, int writable)
    {
        _writable[place] = writable;
        if (!readable.IsEmpty) ram.Write(ReadableOf(place), readable);
        var poison = _part.AsSpan(0, writable + (2 * Guard));
        poison.Fill(GuardedBuffer.Poison);
        ram.Write(WritableOf(place) - Guard, poison);
    }

    /// <summary>Reads what has become of the writable part; false where a byte beside it was written.</summary>
    public bool Read(int place)
    {
        _replyLength = _writable[place];
        var part = _part.AsSpan(0, _replyLength + (2 * Guard));
        ram.Read(WritableOf(place) - Guard, part);
        return part[..Guard].IndexOfAnyExcept(GuardedBuffer.Poison) < 0 && part[^Guard..].IndexOfAnyExcept(GuardedBuffer.Poison) < 0;
    }
}
