using Viommu.Conformance.Watching.Core;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Mmio;

/// <summary>
/// Device Initialization over MMIO (4.2.3.1), and what of 4.2.2.2 is about devices that are none. What comes first can be judged only where
/// the start is seen, which a recording does not promise: those rules need a live driver (<see cref="Sight.Conclusions"/>).
/// </summary>
internal static class MmioDeviceInitialization
{
    private const uint Magic = 0x7472_6976;
    private const uint ModernVersion = 2;

    [Rule("MMIO-REG-V-06", Needs = Sight.Registers, Transports = [WatchedTransport.Mmio],
        Does = "Where MagicValue reads as something else, looks for what the driver does beside reading the four identification registers.",
        Reading = "Nothing.")]
    public static void A_device_with_another_magic_value_is_ignored(Judge judge, Observation seen) => Ignores(judge, seen, MmioRegister.MagicValue, value => value != Magic);

    [Rule("MMIO-REG-V-08", Needs = Sight.Registers, Transports = [WatchedTransport.Mmio],
        Does = "Where Version reads neither 2 nor 1, looks for what the driver does beside reading the four identification registers.",
        Reading = "Nothing. A device of version 1 is one of the legacy interface.")]
    public static void A_device_of_an_unknown_version_is_ignored(Judge judge, Observation seen) => Ignores(judge, seen, MmioRegister.Version, value => value is not (1 or 2));

    [Rule("MMIO-REG-V-10", Needs = Sight.Registers, Transports = [WatchedTransport.Mmio], Also = ["MMIO-INIT-V-03", "MMIO-INIT-V-04"],
        Does = "Where DeviceID reads 0, looks for what the driver does beside reading the four identification registers.",
        Reading = "Nothing: it initialises no such device, and accesses no other register.")]
    public static void A_device_with_DeviceID_0_is_ignored(Judge judge, Observation seen) => Ignores(judge, seen, MmioRegister.DeviceId, value => value == 0);

    [Rule("MMIO-REG-V-11", Needs = Sight.Registers | Sight.Conclusions, Transports = [WatchedTransport.Mmio],
        Does = "Where DeviceID read 0, looks for what the driver reports.",
        Reading = "No error.")]
    public static void DeviceID_0_is_no_error(Judge judge, Observation seen)
    {
        var places = judge.Keep<HashSet<uint>>();
        if (seen is RegisterAccess { Offset: MmioRegister.DeviceId, IsWrite: false, Value: 0 }) places.Add(MmioRegister.DeviceId);
        else if (seen is DeviceIgnored ignored && places.Count > 0) judge.That(ignored.Error is null, "no error reported of a DeviceID of 0", ignored.Error ?? "");
    }

    [Rule("MMIO-INIT-V-01", Needs = Sight.Registers | Sight.Conclusions, Transports = [WatchedTransport.Mmio],
        Does = "Looks for the first accesses of a driver to a device.",
        Reading = "Those to MagicValue and Version are the first, and reads.")]
    public static void Initialisation_starts_with_MagicValue_and_Version(Judge judge, RegisterAccess seen)
    {
        var found = judge.Keep<Identity>();
        if (found.Magic is null || found.Version is null)
            judge.That(seen is { IsWrite: false, Offset: MmioRegister.MagicValue or MmioRegister.Version }, "reads of MagicValue and Version before anything else", $"{seen}");
        found.Take(seen);
    }

    [Rule("MMIO-INIT-V-02", Needs = Sight.Registers | Sight.Conclusions, Transports = [WatchedTransport.Mmio],
        Does = "Where MagicValue and Version are valid, looks for a read of DeviceID.",
        Reading = "It comes before any access but to the four identification registers.")]
    public static void DeviceID_is_read_of_a_valid_device(Judge judge, RegisterAccess seen)
    {
        var found = judge.Keep<Identity>();
        if (!found.IsChecked && found is { Magic: Magic, Version: ModernVersion } && !IsIdentification(seen))
        {
            judge.That(found.DeviceId is not null, "DeviceID read before any further register", $"{seen}");
            found.IsChecked = true;
        }
        found.Take(seen);
    }

    [Rule("MMIO-INIT-V-05", Needs = Sight.Registers, Transports = [WatchedTransport.Mmio],
        Does = "Looks for accesses to the registers of shared memory, from 0x0ac to 0x0bf.",
        Reading = "There are none: a driver of a virtio-iommu expects no shared memory.")]
    public static void Registers_of_shared_memory_are_left_alone(Judge judge, Observation seen)
    {
        if (seen is RegisterAccess { Offset: >= MmioRegister.ShmSel and < MmioRegister.ShmBaseHigh + 4 }) judge.That(false, "no access to a register of shared memory", $"{seen}");
        else if (seen is StatusWritten { Status: var status } && (status & DeviceStatus.DriverOk) != 0) judge.Kept();
    }

    [Rule("MMIO-INIT-V-06", Needs = Sight.Registers, Transports = [WatchedTransport.Mmio],
        Does = "Follows the eight steps of an initialisation by the registers that they take.",
        Reading = "As for CORE-INIT-V-01: reset, ACKNOWLEDGE, DRIVER, features, FEATURES_OK read again, queues, DRIVER_OK.")]
    public static void The_rest_of_the_initialisation_is_the_general_one(Judge judge, Observation seen) => DeviceInitialization.The_steps_are_taken_in_order(judge, seen);

    private static bool IsIdentification(RegisterAccess access) => !access.IsWrite && access.Offset <= MmioRegister.VendorId;

    private static void Ignores(Judge judge, Observation seen, uint register, Func<uint, bool> isWrong)
    {
        var wrong = judge.Keep<HashSet<uint>>();
        switch (seen)
        {
            case RegisterAccess access when access.Offset == register && !access.IsWrite:
                if (isWrong((uint)access.Value)) wrong.Add(register);
                break;
            case RegisterAccess access when wrong.Count > 0 && !IsIdentification(access):
                judge.That(false, "no access to a device that has to be ignored", $"{access}");
                break;
            case DeviceIgnored or SessionEnded when wrong.Count > 0:
                judge.Kept();
                break;
        }
    }

    /// <summary>What the driver has read of the identification registers.</summary>
    private sealed class Identity
    {
        public uint? Magic { get; private set; }

        public uint? Version { get; private set; }

        public uint? DeviceId { get; private set; }

        public bool IsChecked { get; set; }

        public void Take(RegisterAccess seen)
        {
            if (seen.IsWrite) return;
            if (seen.Offset == MmioRegister.MagicValue) Magic = (uint)seen.Value;
            else if (seen.Offset == MmioRegister.Version) Version = (uint)seen.Value;
            else if (seen.Offset == MmioRegister.DeviceId) DeviceId = (uint)seen.Value;
        }
    }
}
