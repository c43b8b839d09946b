namespace Viommu.Guest.Transport;

/// <summary>What the two legacy interfaces, MMIO version 1 and the PCI I/O region, have in common.</summary>
internal static class LegacyInterface
{
    /// <summary>What queue addresses count in, and Queue Align: 4096 on PCI (4.1.5.1.3.1), the usual choice over MMIO (4.2.4).</summary>
    public const int PageSize = 4096;

    /// <summary>The page of a queue; throws where no legacy interface can name it.</summary>
    public static uint PageOf(QueueAddresses addresses)
    {
        var (page, rest) = Math.DivRem(addresses.Descriptors, PageSize);
        if (rest != 0 || page > uint.MaxValue) throw new ArgumentException($"a queue at 0x{addresses.Descriptors:x} does not begin with a page that has a 32-bit number");
        return (uint)page;
    }

    /// <summary>The 32 feature bits that there are; throws where others are set.</summary>
    public static uint Word(ulong features) => features <= uint.MaxValue
        ? (uint)features
        : throw new ArgumentOutOfRangeException(nameof(features), $"0x{features:x}", "a legacy interface has feature bits 0 to 31");

    public static InvalidOperationException NoQueueReset() => new("RING_RESET is bit 40, which a legacy interface does not have");
}
