using System.Buffers.Binary;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Oracle;

/// <summary>How much of a request there is.</summary>
internal enum RequestShape
{
    /// <summary>As long as its type asks for, no more and no less.</summary>
    Whole,

    /// <summary>The readable part ends before the request does.</summary>
    Truncated,

    /// <summary>There is no room for a tail.</summary>
    WithoutTail,

    /// <summary>The readable part goes on behind the request.</summary>
    LongReadable,

    /// <summary>The writable part is longer than the reply, so that it is open where the tail is.</summary>
    LongWritable,
}

/// <summary>The fields of a request, read once from the bytes that the device saw (5.13.6).</summary>
internal readonly struct DecodedRequest
{
    public const byte NoType = 0;

    private const int HeadSize = 4;

    private DecodedRequest(ReadOnlySpan<byte> bytes, int writable, in DeviceFacts facts)
    {
        WritableLength = writable;
        Type = bytes.IsEmpty ? NoType : bytes[0];
        HasHead = bytes.Length >= HeadSize;
        var size = SizeOf(Type);
        TailOffset = Math.Max(0, writable - Request.TailSize);
        if (Type == RequestType.Probe) TailOffset = (int)Math.Min(facts.ProbeSize, (uint)TailOffset);
        Shape = writable < Request.TailSize ? RequestShape.WithoutTail
            : size == 0 ? RequestShape.Whole
            : bytes.Length < size ? RequestShape.Truncated
            : writable > TailOffset + Request.TailSize ? RequestShape.LongWritable
            : Type != RequestType.Probe && writable > Request.TailSize ? RequestShape.LongWritable
            : bytes.Length > size ? RequestShape.LongReadable
            : RequestShape.Whole;
        IsComplete = size != 0 && bytes.Length >= size;
        if (!IsComplete) return;
        var body = bytes[HeadSize..];
        switch (Type)
        {
            case RequestType.Attach:
                (Domain, Endpoint, Flags) = (U32(body, 0), U32(body, 4), U32(body, 8));
                IsReservedDirty = U32(body, 12) != 0;
                break;
            case RequestType.Detach:
                (Domain, Endpoint) = (U32(body, 0), U32(body, 4));
                break;
            case RequestType.Map:
                (Domain, VirtStart, VirtEnd, PhysStart, Flags) = (U32(body, 0), U64(body, 4), U64(body, 12), U64(body, 20), U32(body, 28));
                break;
            case RequestType.Unmap:
                (Domain, VirtStart, VirtEnd) = (U32(body, 0), U64(body, 4), U64(body, 12));
                IsReservedDirty = U32(body, 20) != 0;
                break;
            case RequestType.Probe:
                Endpoint = U32(body, 0);
                break;
        }
    }

    /// <summary>The type; <see cref="NoType"/>, which is none, where not even that is there.</summary>
    public byte Type { get; }

    public RequestShape Shape { get; }

    /// <summary>True where the four bytes of the head are there.</summary>
    public bool HasHead { get; }

    /// <summary>True where every field is there.</summary>
    public bool IsComplete { get; }

    public int WritableLength { get; }

    /// <summary>Where the tail begins, if it is where the type puts it.</summary>
    public int TailOffset { get; }

    public uint Domain { get; }

    public uint Endpoint { get; }

    public uint Flags { get; }

    public ulong VirtStart { get; }

    public ulong VirtEnd { get; }

    public ulong PhysStart { get; }

    /// <summary>A reserved field of the body is not zero, of a request for which that means something.</summary>
    public bool IsReservedDirty { get; }

    public bool IsKnownType => SizeOf(Type) != 0;

    public static DecodedRequest From(in RequestView request, DeviceFacts facts) => new(request.Readable, request.WritableLength, facts);

    // The device-readable parts of 5.13.6.3 to 5.13.6.7.
    private static int SizeOf(byte type) => type switch
    {
        RequestType.Attach or RequestType.Detach => HeadSize + 16,
        RequestType.Map => HeadSize + 32,
        RequestType.Unmap => HeadSize + 24,
        RequestType.Probe => HeadSize + 68,
        _ => 0,
    };

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
}
