using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports;

/// <summary>What a negotiation does beside turning optional features over, as bits of its choice.</summary>
internal static class Choice
{
    /// <summary>Pages and alignments are not those that all else has (legacy interfaces).</summary>
    public const uint OtherPages = 1 << 12;

    /// <summary>Words of features are written twice, at first without any.</summary>
    public const uint WriteTwice = 1 << 13;

    /// <summary>VERSION_1 is not accepted.</summary>
    public const uint DeclineVersion1 = 1 << 14;

    /// <summary>A bit is accepted that no device offers.</summary>
    public const uint AcceptMore = 1 << 15;

    /// <summary>Where a function has several structures of a type, the last of them.</summary>
    public const uint OtherStructures = 1 << 16;

    /// <summary>Structures are accessed through configuration space (section 4.1.4.9).</summary>
    public const uint ThroughWindow = 1 << 17;

    private const ulong NotOffered = 1UL << 21;

    /// <summary>All the bits of a choice.</summary>
    public static ulong[] Values { get; } = [.. Enumerable.Range(0, 18).Select(bit => 1UL << bit)];

    public static ulong Alter(ulong accepted, uint choice)
    {
        if ((choice & DeclineVersion1) != 0) accepted &= ~Features.Version1;
        return (choice & AcceptMore) != 0 ? accepted | NotOffered : accepted;
    }
}
