using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Core;

/// <summary>Device Configuration Space (2.5), driver's side.</summary>
internal static class DeviceConfigurationSpace
{
    // page_size_mask, input_range.start and input_range.end: the fields of more than 32 bits (5.13.4).
    private const uint EndOfWideFields = 24;

    private const uint EndOfInputRange = 24;
    private const uint EndOfDomainRange = 32;

    [Rule("CORE-CFG-V-01", Needs = Sight.Registers, Transports = [WatchedTransport.Pci, WatchedTransport.Mmio],
        Does = "Where the configuration generation moved while the driver read a field of 64 bits, waits for what it does next.",
        Reading = "It reads the field again before it sets DRIVER_OK or sends a request.")]
    public static void A_wide_field_is_read_again_where_the_generation_moved(Judge judge, Observation seen)
    {
        var reading = judge.Keep<Reading>();
        if (reading.Torn.Count > 0 && IsUse(seen))
        {
            judge.That(false, "another read of a 64-bit field that changed while it was read", $"{seen}, with the field at {reading.Torn.Min()} as it was read across a change");
            reading.Torn.Clear();
        }
        else if (seen is ConfigRead read && reading.Torn.Remove(FieldOf(read.Offset))) judge.Kept();
        reading.Follow(seen);
    }

    [Rule("CORE-CFG-V-02", Needs = Sight.Registers, Transports = [WatchedTransport.Pci, WatchedTransport.Mmio],
        Does = "Looks for reads of the configuration generation around those of each field of 64 bits.",
        Reading = "One comes before the field, and one after it, before the driver sets DRIVER_OK or sends a request. Fields of 32 bits and less need none.")]
    public static void A_wide_field_is_read_between_reads_of_the_generation(Judge judge, Observation seen)
    {
        var reading = judge.Keep<Reading>();
        if (seen is ConfigRead { Offset: < EndOfWideFields } read && reading.Generation is null)
            judge.That(false, "a read of the configuration generation before a 64-bit field", $"{read}");
        else if (seen is GenerationRead && reading.Open.Count > 0) judge.Kept();
        else if (reading.Open.Count > 0 && IsUse(seen))
        {
            judge.That(false, "a read of the configuration generation after a 64-bit field", $"{seen}, after the field at {reading.Open.Min()} was read");
            reading.Open.Clear();
        }
        reading.Follow(seen);
    }

    [Rule("CORE-CFG-V-03", Needs = Sight.Registers,
        Does = "Compares every read of the configuration with the features offered.",
        Reading = "input_range is read with INPUT_RANGE offered, domain_range with DOMAIN_RANGE, probe_size with PROBE, bypass with BYPASS_CONFIG.")]
    public static void A_field_is_read_only_where_its_feature_is_offered(Judge judge, ConfigRead seen)
    {
        var feature = seen.Offset switch
        {
            < 8 => 0UL,
            < EndOfInputRange => Features.InputRange,
            < EndOfDomainRange => Features.DomainRange,
            < IommuConfig.BypassOffset => Features.Probe,
            IommuConfig.BypassOffset => Features.BypassConfig,
            _ => 0UL,
        };
        if (feature == 0 || !judge.Driver.KnowsOffered) return;
        judge.That((judge.Driver.Offered & feature) != 0, $"offset {seen.Offset} read with {Features.Describe(feature)} offered", $"{seen}, and it is not offered");
    }

    [Rule("CORE-CFG-V-04", Needs = Sight.Conclusions, Transports = [WatchedTransport.Pci],
        Does = "Gives the device configuration structure more room than virtio 1.4 has fields for.",
        Reading = "The driver gets the device to run.")]
    public static void A_larger_configuration_is_accepted(Judge judge, StartConcluded seen)
    {
        if (judge.Driver.ConfigLength is not > IommuConfig.Size || judge.Driver.IsRefused || (judge.Driver.Offered & Features.MapUnmap) == 0) return;
        if ((judge.Driver.Offered & Features.Version1) == 0) return;
        judge.That(seen.Works, $"the device runs with a configuration of {judge.Driver.ConfigLength} bytes", $"{seen}");
    }

    [Rule("CORE-CFG-V-05", Needs = Sight.Conclusions, Transports = [WatchedTransport.Pci],
        Does = "Gives the device configuration structure less room than page_size_mask needs, which is always there.",
        Reading = "The driver gives the device up.")]
    public static void A_configuration_that_is_too_small_is_refused(Judge judge, StartConcluded seen)
    {
        if (judge.Driver.ConfigLength is not < 8) return;
        judge.That(!seen.Works, $"a device with a configuration of {judge.Driver.ConfigLength} bytes given up", $"{seen}");
    }

    private static uint FieldOf(uint offset) => offset / 8 * 8;

    // Before that, nothing has come of what was read.
    private static bool IsUse(Observation seen) => seen is RequestSent || (seen is StatusWritten written && (written.Status & DeviceStatus.DriverOk) != 0);

    /// <summary>Which wide fields the driver has read since it read the generation last, and which of them it read across a change.</summary>
    private sealed class Reading
    {
        public uint? Generation { get; private set; }

        public HashSet<uint> Open { get; } = [];

        public HashSet<uint> Torn { get; } = [];

        public void Follow(Observation seen)
        {
            switch (seen)
            {
                case ConfigRead { Offset: < EndOfWideFields } read:
                    Open.Add(FieldOf(read.Offset));
                    break;
                case GenerationRead generation:
                    if (Generation is { } before && before != generation.Generation) Torn.UnionWith(Open);
                    Generation = generation.Generation;
                    Open.Clear();
                    break;
                case StatusWritten { Status: DeviceStatus.None } or SystemWasReset:
                    Generation = null;
                    Open.Clear();
                    Torn.Clear();
                    break;
            }
        }
    }
}
