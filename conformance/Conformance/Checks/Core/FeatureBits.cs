using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Core;

/// <summary>2.2 Feature Bits.</summary>
internal static class FeatureBitsChecks
{
    private const int Repetitions = 100;
    private const int RandomSubsets = 64;

    [Check("CORE-FEAT-D-01",
        Does = "Reads the offered features.",
        Reading = "Bits above 32 come with VERSION_1: without it the device is used through the legacy interface (2.2.3), which has bits 0 to 31. "
            + "The chapter of the IOMMU names no feature that requires another.")]
    internal static void No_bit_above_32_is_offered_without_VERSION_1(CheckContext check)
    {
        check.RequiresHighFeatureBits();
        var offered = check.Machine.Transport.ReadDeviceFeatures();
        var dependent = offered >> 33 << 33;
        That(dependent == 0 || (offered & Features.Version1) != 0, "VERSION_1 offered beside the features that require it", $"{Features.Describe(dependent)} offered without it");
    }

    [Check("CORE-FEAT-D-02",
        Does = "Accepts every offered feature but one, for each one.",
        Reading = "FEATURES_OK is set each time. Sets without VERSION_1, ACCESS_PLATFORM or ORDER_PLATFORM are not tried: a device can refuse them (section 6).")]
    internal static void All_features_but_any_one_are_accepted(CheckContext check)
    {
        check.RequiresFeaturesOk();
        var all = Acceptable(check);
        AcceptsEach(check, [all, .. Bits(all & ~Indispensable(check)).Select(bit => all & ~bit)]);
    }

    [Check("CORE-FEAT-D-02",
        Does = "Accepts a single offered feature, for each one, beside those without which a device can refuse to work.",
        Reading = "FEATURES_OK is set each time. VERSION_1, ACCESS_PLATFORM and ORDER_PLATFORM are accepted where they are offered (section 6).")]
    internal static void Any_single_feature_is_accepted(CheckContext check)
    {
        check.RequiresFeaturesOk();
        var always = Indispensable(check);
        AcceptsEach(check, [always, .. Bits(Acceptable(check) & ~always).Select(bit => always | bit)]);
    }

    [Check("CORE-FEAT-D-02",
        Does = "Accepts random subsets of the offered features.",
        Reading = "FEATURES_OK is set each time. VERSION_1, ACCESS_PLATFORM and ORDER_PLATFORM are accepted where they are offered (section 6).")]
    internal static void Random_subsets_of_features_are_accepted(CheckContext check)
    {
        check.RequiresFeaturesOk();
        var (always, all) = (Indispensable(check), Acceptable(check));
        AcceptsEach(check, Enumerable.Range(0, RandomSubsets).Select(_ => always | (all & (ulong)check.Random.NextInt64(long.MinValue, long.MaxValue))));
    }

    [Check("CORE-FEAT-D-03",
        Does = "Accepts one bit that is not offered beside those that are, for each such bit, and sets FEATURES_OK, twice.",
        Reading = "Either FEATURES_OK stays clear, or the bit does not read back from driver_feature: a device is free to ignore a write of a bit that "
            + "it never offered (4.1.4.3), and has then accepted a valid subset. Mirroring the bit and setting FEATURES_OK tells the driver that it was accepted.")]
    internal static void FEATURES_OK_stays_clear_when_a_bit_that_was_not_offered_is_accepted(CheckContext check)
    {
        check.RequiresFeaturesOk();
        // Without a register to read the accepted bits back from, a device that ignores the bit cannot be told from one that accepts it.
        var pci = check.Machine.Pci ?? throw new NotApplicableException("the transport does not show which features are accepted");
        var offered = Acceptable(check);
        var wrong = new List<string>();
        var words = new uint[4];
        for (uint word = 0; word < words.Length; word++) words[word] = ReadOfferedWord(pci, word);
        for (var bit = 0; bit < 32 * words.Length; bit++)
        {
            var (word, mask) = ((uint)bit / 32, 1u << (bit % 32));
            if ((words[word] & mask) != 0) continue;
            Negotiation.Begin(check.Machine);
            pci.WriteDriverFeatures(offered);
            pci.WriteCommon(CommonField.DriverFeatureSelect, word);
            pci.WriteCommon(CommonField.DriverFeature, mask | (word < 2 ? (uint)(offered >> (32 * (int)word)) : 0));
            if (!FeaturesOkSticks(pci) || (pci.ReadCommon(CommonField.DriverFeature) & mask) == 0) continue;
            check.Machine.Journal.Add($"accept features 0x{offered:x} and {Name(bit)}: status 0x{(byte)pci.ReadStatus():x2}, driver_feature reads 0x{pci.ReadCommon(CommonField.DriverFeature):x8}");
            wrong.Add(Name(bit));
        }
        That(wrong.Count == 0, "FEATURES_OK clear, or the bit gone, when a bit is accepted that was not offered",
            $"FEATURES_OK set and the bit accepted: {string.Join(", ", wrong)}");

        // The status is written a second time: a device that refuses goes on refusing.
        static bool FeaturesOkSticks(PciTransport pci)
        {
            const DeviceStatus Step = DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.FeaturesOk;
            for (var attempt = 0; attempt < 2; attempt++)
            {
                pci.WriteStatus(Step);
                if ((pci.ReadStatus() & DeviceStatus.FeaturesOk) != 0) return true;
            }
            return false;
        }
    }

    [Check("CORE-FEAT-D-04",
        Does = "Reads the offered features, bits 0 to 63.",
        Reading = "Only bits that virtio 1.4 describes for this device type and transport are offered. A device written to a later version of the spec can "
            + "offer more; that is for the user to expect.")]
    internal static void No_undefined_reserved_or_foreign_bit_is_offered(CheckContext check)
    {
        var foreign = check.Machine.Transport.ReadDeviceFeatures() & ~Features.OfferableBy(isPci: check.Machine.Pci is not null);
        That(foreign == 0, "no bit offered that virtio 1.4 does not describe for an IOMMU on this transport", $"offered: {Features.Describe(foreign)}");
    }

    [Check("CORE-FEAT-D-04",
        Does = "Reads the offered features, bits 64 to 255.",
        Reading = "None is offered: for an IOMMU bits up to 127 have no meaning, and those from 128 on are reserved.")]
    internal static void No_bit_above_63_is_offered(CheckContext check)
    {
        check.RequiresHighFeatureBits();
        for (uint word = 2; word < 8; word++)
        {
            var bits = ReadOfferedWord(check.Machine.Transport, word);
            That(bits == 0, $"no feature offered among bits {32 * word} to {32 * word + 31}", $"0x{bits:x8}");
        }
    }

    [Check("CORE-FEAT-D-05",
        Does = "Negotiates, uses the device, and after each of 100 device resets negotiates the same features again.",
        Reading = "FEATURES_OK is set each time.")]
    internal static void Features_accepted_once_are_accepted_after_every_device_reset(CheckContext check)
    {
        check.RequiresFeaturesOk();
        var driver = check.Start();
        Knock.GivenServed(check, driver);
        for (var repetition = 1; repetition <= Repetitions; repetition++) AcceptsAgain(check, driver.Negotiated, $"device reset {repetition}");
    }

    [Check("CORE-FEAT-D-05",
        Does = "Negotiates, uses the device, and after a system reset negotiates the same features again.",
        Reading = "FEATURES_OK is set again. N/A where the target has no system reset.")]
    internal static void Features_accepted_once_are_accepted_after_a_system_reset(CheckContext check)
    {
        check.RequiresFeaturesOk();
        if (!check.Machine.Target.CanSystemReset) throw new NotApplicableException("the target has no system reset");
        var driver = check.Start();
        Knock.GivenServed(check, driver);
        check.ResetSystem();
        AcceptsAgain(check, driver.Negotiated, "the system reset");
    }

    /// <summary>Section 6 lets a device stop when one of these is offered and not accepted.</summary>
    private static ulong Indispensable(CheckContext check) => check.Initial.OfferedFeatures & Features.Indispensable;

    /// <summary>What a modern driver may accept of what is offered: bits that are described, legacy ones left out.</summary>
    private static ulong Acceptable(CheckContext check) => check.Initial.OfferedFeatures & Features.AcceptableFrom(isPci: check.Machine.Pci is not null);

    private static IEnumerable<ulong> Bits(ulong features) => Enumerable.Range(0, 64).Select(bit => 1UL << bit).Where(bit => (features & bit) != 0);

    private static void AcceptsEach(CheckContext check, IEnumerable<ulong> subsets)
    {
        var refused = new List<string>();
        foreach (var subset in subsets)
        {
            Negotiation.Begin(check.Machine);
            if (!Negotiation.Offer(check.Machine, subset)) refused.Add(Features.Describe(subset));
        }
        That(refused.Count == 0, "FEATURES_OK set for every valid subset of the offered features", $"refused: {string.Join("; ", refused)}");
    }

    private static void AcceptsAgain(CheckContext check, ulong features, string after)
    {
        Negotiation.Begin(check.Machine);
        That(Negotiation.Offer(check.Machine, features), $"features 0x{features:x} accepted after {after}, as before it", "FEATURES_OK stays clear");
    }

    private static uint ReadOfferedWord(IVirtioTransport transport, uint word)
    {
        switch (transport)
        {
            case PciTransport pci:
                pci.WriteCommon(CommonField.DeviceFeatureSelect, word);
                return (uint)pci.ReadCommon(CommonField.DeviceFeature);
            case MmioTransport mmio:
                mmio.Write(MmioRegister.DeviceFeaturesSel, word);
                return mmio.Read(MmioRegister.DeviceFeatures);
            default:
                throw new NotApplicableException("the transport shows only feature bits 0 to 63");
        }
    }

    private static string Name(int bit) => bit < 64 ? Features.NameOf(bit) : $"bit {bit}";
}
