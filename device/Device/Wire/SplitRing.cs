namespace Viommu.Device.Wire;

/// <summary>Offsets inside the available and used rings (sections 2.7.6 and 2.7.8), for a queue of <c>size</c> descriptors.</summary>
internal static class SplitRing
{
    /// <summary>The largest queue size (section 2.7).</summary>
    public const int MaximumSize = 32768;

    public const ulong AvailFlags = 0;
    public const ulong AvailIndex = 2;
    public const ulong AvailEntries = 4;

    /// <summary>VIRTQ_AVAIL_F_NO_INTERRUPT.</summary>
    public const ushort NoInterrupt = 1;

    public const ulong UsedFlags = 0;
    public const ulong UsedEntries = 4;
    public const int UsedElementSize = 4 + 4;

    public static ulong AvailEntry(int slot) => AvailEntries + (2 * (ulong)slot);

    public static ulong UsedEvent(int size) => AvailEntries + (2 * (ulong)size);

    public static ulong UsedEntry(int slot) => UsedEntries + (UsedElementSize * (ulong)slot);

    public static ulong AvailEvent(int size) => UsedEntries + (UsedElementSize * (ulong)size);
}
