using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Core;

/// <summary>2.5 Device Configuration Space.</summary>
internal static class DeviceConfigurationSpaceChecks
{
    [Check("CORE-CFG-D-01", Uses = ["CORE-INIT-V-02"],
        Does = "Reads the configuration at each stage before FEATURES_OK, and again once every offered feature of the chapter was accepted and the device runs.",
        Reading = "page_size_mask, and each field whose feature is offered, reads the same before as after. Nothing changes the configuration of an IOMMU "
            + "in between. Fields of features that are not offered are not looked at.")]
    internal static void Fields_of_offered_features_are_readable_before_FEATURES_OK(CheckContext check)
    {
        var transport = check.Machine.Transport;
        var early = new List<(string Stage, IommuConfig Config)> { ("after the reset", check.Machine.ReadConfig()) };
        transport.WriteStatus(DeviceStatus.Acknowledge);
        early.Add(("at ACKNOWLEDGE", check.Machine.ReadConfig()));
        transport.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver);
        early.Add(("at DRIVER", check.Machine.ReadConfig()));
        transport.WriteDriverFeatures(0);
        early.Add(("at DRIVER with no feature accepted", check.Machine.ReadConfig()));

        var expected = Describe(check, check.Start().Config);
        foreach (var (stage, config) in early)
        {
            var actual = Describe(check, config);
            That(actual == expected, $"the configuration {stage} as it is while the device runs: {expected}", actual);
        }
    }

    /// <summary>page_size_mask, and the fields whose features are offered; the others have no meaning.</summary>
    internal static string Describe(CheckContext check, IommuConfig config)
    {
        var fields = new List<string> { $"page_size_mask 0x{config.PageSizeMask:x}" };
        if (check.Offers(Features.InputRange)) fields.Add($"input_range 0x{config.InputStart:x}..0x{config.InputEnd:x}");
        if (check.Offers(Features.DomainRange)) fields.Add($"domain_range {config.DomainStart}..{config.DomainEnd}");
        if (check.Offers(Features.Probe)) fields.Add($"probe_size {config.ProbeSize}");
        if (check.Offers(Features.BypassConfig)) fields.Add($"bypass {config.Bypass}");
        return string.Join(", ", fields);
    }
}
