using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Core;

/// <summary>Feature Bits (2.2), driver's side. What is accepted is judged when the driver says that it is done: at FEATURES_OK, on a legacy interface at DRIVER_OK.</summary>
internal static class FeatureBits
{
    /// <summary>
    /// Bits that this specification describes for a virtio-iommu: those of its chapter, of section 6, and the three of legacy interfaces
    /// (6.3). ADMIN_VQ (41) is supported over PCI alone.
    /// </summary>
    private const ulong Described = Features.IommuChapter | 0x79UL << 24 | 0x1ffUL << 32 | AdminQueue | Features.Suspend;

    private const ulong AdminQueue = 1UL << 41;

    // What the driver cannot work without: without VERSION_1 it may give up (6.1), and without MAP_UNMAP it does (5.13.5).
    private const ulong Indispensable = Features.Version1 | Features.MapUnmap;

    [Rule("CORE-FEAT-V-01", Needs = Sight.Registers,
        Does = "Compares what the driver has accepted, when it is done with that, with what it has read of the offer.",
        Reading = "Every bit accepted was offered.")]
    public static void No_feature_is_accepted_that_was_not_offered(Judge judge, StatusWritten seen)
    {
        if (!Acceptance.IsDone(judge, seen) || !judge.Driver.KnowsOffered) return;
        var accepted = judge.Driver.Accepted & ~judge.Driver.Offered;
        judge.That(accepted == 0, $"no bits but those offered ({Features.Describe(judge.Driver.Offered)})", $"{Features.Describe(accepted)} accepted");
    }

    [Rule("CORE-FEAT-V-03", Needs = Sight.Registers,
        Does = "Looks for reads of the offered features before the driver is done with accepting some.",
        Reading = "Each 32 bits of which the driver accepts any were read since the device was found.")]
    public static void The_offer_is_read_before_any_of_it_is_accepted(Judge judge, StatusWritten seen)
    {
        if (!Acceptance.IsDone(judge, seen)) return;
        for (uint word = 0; word < 2; word++)
        {
            if ((uint)(judge.Driver.Accepted >> (int)(32 * word)) == 0) continue;
            judge.That(judge.Driver.HasReadOffered(word), $"word {word} of the offered features read before bits of it are accepted", $"{Features.Describe(judge.Driver.Accepted)} accepted without a look");
        }
    }

    [Rule("CORE-FEAT-V-05", Also = ["CORE-FEAT-V-04"], Needs = Sight.Registers,
        Does = "Where the device offers bits that the specification does not describe, or not for this transport or type, compares them with what the driver accepts.",
        Reading = "None of them is accepted. Bits of legacy interfaces (24, 27, 30) count as described.")]
    public static void Bits_that_are_not_described_are_not_accepted(Judge judge, StatusWritten seen)
    {
        if (!Acceptance.IsDone(judge, seen)) return;
        var strange = ~DescribedFor(judge.Driver.Transport);
        if ((judge.Driver.Offered & strange) == 0 && (judge.Driver.Accepted & strange) == 0) return;
        judge.That((judge.Driver.Accepted & strange) == 0, $"none of {Features.Describe(judge.Driver.Offered & strange)}", $"{Features.Describe(judge.Driver.Accepted & strange)} accepted");
    }

    [Rule("CORE-FEAT-V-06", Needs = Sight.Conclusions,
        Does = "Withholds features that the driver knows, one after the other, but for those without which it cannot work (VERSION_1, MAP_UNMAP).",
        Reading = "The driver gets the device to run without them.")]
    public static void A_device_without_a_feature_is_driven_without_it(Judge judge, StartConcluded seen)
    {
        var missing = (Features.IommuChapter & ~Features.Bypass | Features.IndirectDesc | Features.EventIdx) & ~judge.Driver.Offered & ~Indispensable;
        if (missing == 0 || !IsUsable(judge.Driver)) return;
        judge.That(seen.Works, $"the device runs without {Features.Describe(missing)}", $"{seen}");
    }

    [Rule("CORE-FEAT-V-07", Needs = Sight.Conclusions | Sight.Status,
        Does = "Withholds what the driver cannot work without, and looks at the status once it has given up.",
        Reading = "FAILED is set, and DRIVER_OK is not.")]
    public static void A_driver_that_misses_a_feature_sets_FAILED_and_ceases(Judge judge, StartConcluded seen)
    {
        if (seen.Works || (judge.Driver.Offered & Indispensable) == Indispensable) return;
        judge.That(
            (judge.Driver.Written & (DeviceStatus.Failed | DeviceStatus.DriverOk)) == DeviceStatus.Failed,
            "FAILED set, and DRIVER_OK not, by a driver that gives up", $"the last status written is 0x{(byte)judge.Driver.Written:x2}");
    }

    [Rule("CORE-FEAT-V-08", Needs = Sight.Conclusions,
        Does = "Offers bits that the specification does not describe, on a device that works.",
        Reading = "The driver gets the device to run.")]
    public static void Bits_that_are_not_described_do_not_make_a_driver_fail(Judge judge, StartConcluded seen)
    {
        var strange = judge.Driver.Offered & ~DescribedFor(judge.Driver.Transport);
        if (strange == 0 || !IsUsable(judge.Driver)) return;
        judge.That(seen.Works, $"the device runs although it offers {Features.Describe(strange)}", $"{seen}");
    }

    [Rule("CORE-FEAT-V-08", Uses = ["LEGACY-RSVD-D-01"], Needs = Sight.Conclusions, Transports = [WatchedTransport.LegacyPci, WatchedTransport.LegacyMmio],
        Does = "Offers NOTIFY_ON_EMPTY on a legacy interface, which drivers of today need not know, on a device that works.",
        Reading = "The driver gets the device to run, with the feature or without it.")]
    public static void NOTIFY_ON_EMPTY_does_not_make_a_driver_fail(Judge judge, StartConcluded seen)
    {
        if ((judge.Driver.Offered & Features.NotifyOnEmpty) != 0 && IsUsable(judge.Driver))
            judge.That(seen.Works, $"the device runs although it offers {Features.Describe(Features.NotifyOnEmpty)}", $"{seen}");
    }

    private static ulong DescribedFor(WatchedTransport transport) => transport == WatchedTransport.Pci ? Described : Described & ~AdminQueue;

    /// <summary>True where nothing else than features can be the reason to give a device up.</summary>
    private static bool IsUsable(DriverHistory driver) =>
        driver.KnowsOffered && !driver.IsRefused && (driver.IsLegacy || (driver.Offered & Indispensable) == Indispensable);
}
