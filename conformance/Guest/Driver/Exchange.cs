using Viommu.Guest.Wire;

namespace Viommu.Guest.Driver;

/// <summary>One request and everything the device did with its buffers.</summary>
public sealed class Exchange
{
    private readonly GuardedBuffer[] readable;
    private readonly GuardedBuffer[] writable;

    internal Exchange(Request request, byte[] sent, GuardedBuffer[] readable, GuardedBuffer[] writable, ushort chain)
    {
        Request = request;
        Sent = sent;
        this.readable = readable;
        this.writable = writable;
        Chain = chain;
    }

    /// <summary>What was sent.</summary>
    public Request Request { get; }

    /// <summary>The device-readable bytes as they were sent.</summary>
    public byte[] Sent { get; }

    /// <summary>What a used element names it by: the head of the chain in a split ring, the Buffer ID in a packed one.</summary>
    public ushort Chain { get; }

    /// <summary>True once the device returned the chain.</summary>
    public bool IsReturned { get; private set; }

    /// <summary>The used length.</summary>
    public uint UsedLength { get; private set; }

    /// <summary>The device-writable bytes after the return; <see cref="GuardedBuffer.Poison"/> where they were not written.</summary>
    public byte[] Reply { get; private set; } = [];

    /// <summary>What is wrong with memory that the device had no business writing; null where nothing is.</summary>
    public string? Damage { get; private set; }

    /// <summary>True while every device-writable byte holds what it held before.</summary>
    public bool IsUnwritten => Reply.AsSpan().IndexOfAnyExcept(GuardedBuffer.Poison) < 0;

    /// <summary>Offset of the tail in the device-writable part: its last four bytes; negative where there is no room for one.</summary>
    public int TailOffset => Request.WritableLength - Request.TailSize;

    /// <summary>The status of the tail; null where the used length does not reach it, so that a driver must not look at it.</summary>
    public RequestStatus? Status =>
        IsReturned && TailOffset >= 0 && UsedLength > TailOffset && TailOffset < Reply.Length ? (RequestStatus)Reply[TailOffset] : null;

    /// <summary>True where the request was answered OK.</summary>
    public bool IsOk => Status == RequestStatus.Ok;

    internal void Return(uint usedLength)
    {
        IsReturned = true;
        UsedLength = usedLength;
        Inspect();
    }

    /// <summary>Looks at the buffers again, also those of a request that did not come back.</summary>
    public void Inspect()
    {
        Reply = [.. writable.SelectMany(buffer => buffer.Read())];
        Damage = readable.Concat(writable).Select(buffer => buffer.FindDamage()).FirstOrDefault(damage => damage is not null)
            ?? (readable.All(buffer => buffer.IsUnchanged()) ? null : "the device wrote into a device-readable buffer");
    }

    /// <summary>The answer in a few words.</summary>
    public string Answer
    {
        get
        {
            if (!IsReturned) return "not returned";
            var status = Status is { } answered ? answered.Name() : IsUnwritten ? "unwritten" : "no status";
            return $"{status}, used length {UsedLength}" + (Damage is null ? "" : $"; {Damage}");
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"> {Request}\n    {Hex(Sent)}\n< {Answer}" + (Reply.Length == 0 ? "" : $"\n    {Hex(Reply)}");

    /// <summary>Hex in groups of four bytes; long runs are cut in the middle.</summary>
    private static string Hex(byte[] bytes)
    {
        const int shown = 80;
        var groups = bytes.Length <= shown ? bytes : [.. bytes[..(shown - 16)]];
        var text = string.Join(' ', groups.Chunk(4).Select(Convert.ToHexStringLower));
        return bytes.Length <= shown
            ? text
            : $"{text} … {string.Join(' ', bytes[^16..].Chunk(4).Select(Convert.ToHexStringLower))} ({bytes.Length} bytes)";
    }
}
