namespace Viommu.Guest.Targets;

/// <summary>Where fresh targets of one kind come from.</summary>
public interface ITargetSource : IDisposable
{
    /// <summary>Short name, which is also the default report folder: <c>model</c>, <c>qemu</c>.</summary>
    string Name { get; }

    /// <summary>
    /// Feature bits that a driver is to accept where they are offered, beside those that it accepts anyway: what the user chose for the
    /// run, such as RING_PACKED.
    /// </summary>
    ulong AlsoAccept => 0;

    /// <summary>True where targets have no time of their own: what is done to them again ends as it did.</summary>
    bool HasVirtualTime => false;

    /// <summary>
    /// Starts a machine whose virtio-iommu is of that shape. Returns null, and the reason, where this kind of target cannot have such
    /// a device; throws <see cref="TargetUnavailableException"/> where it can have none at all.
    /// </summary>
    ITarget? Open(TargetShape shape, out string? whyNot);
}

/// <summary>
/// What a check needs the virtio-iommu to be, beyond what the target has by itself. Everything is optional; the default value asks
/// for the target as it is. Shapes are compared by value, and checks with equal shapes share a target.
/// </summary>
public sealed record TargetShape
{
    /// <summary>The target as it is.</summary>
    public static TargetShape Default { get; } = new();

    /// <summary>Feature bits that have to be offered.</summary>
    public ulong Offering { get; init; }

    /// <summary>Feature bits that must not be offered.</summary>
    public ulong Withholding { get; init; }

    /// <summary>Value of the <c>bypass</c> field at power-on.</summary>
    public bool? InitialBypass { get; init; }

    /// <summary>The <c>page_size_mask</c> field.</summary>
    public ulong? PageSizeMask { get; init; }

    /// <summary>The <c>input_range</c> field, inclusive.</summary>
    public AddressWindow? InputRange { get; init; }

    /// <summary>
    /// A region (inclusive, RESV_MEM subtype RESERVED) that the second bus master has and the first has not.
    /// </summary>
    public AddressWindow? ReservedForSecondEndpoint { get; init; }

    /// <inheritdoc/>
    public override string ToString()
    {
        var parts = new List<string>();
        if (Offering != 0) parts.Add($"offering features 0x{Offering:x}");
        if (Withholding != 0) parts.Add($"withholding features 0x{Withholding:x}");
        if (InitialBypass is { } bypass) parts.Add($"bypass initially {(bypass ? 1 : 0)}");
        if (PageSizeMask is { } mask) parts.Add($"page_size_mask 0x{mask:x}");
        if (InputRange is { } range) parts.Add($"input_range 0x{range.First:x}..0x{range.Last:x}");
        if (ReservedForSecondEndpoint is { } region) parts.Add($"second endpoint reserving 0x{region.First:x}..0x{region.Last:x}");
        return parts.Count == 0 ? "as it is" : string.Join(", ", parts);
    }
}
