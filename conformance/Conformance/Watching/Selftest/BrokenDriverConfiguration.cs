using Viommu.Conformance.Watching.Workload;
using Viommu.Guest.Driver;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>Drivers that break rules of the configuration space (2.5, 5.13.4).</summary>
internal static class BrokenDriverConfiguration
{
    public static IEnumerable<BrokenDriver> All() =>
    [
        BrokenDriver.On(StrangeAnswers.MovingGeneration, "believes a field that changed while it was read", ["CORE-CFG-V-01"], user => ReadAndGoOn(user, generation: true)),
        BrokenDriver.Doing("reads a field of 64 bits without the generation", ["CORE-CFG-V-02"], user => ReadAndGoOn(user, generation: false)),
        BrokenDriver.On(FeatureScenarios.Without(Features.InputRange), "reads input_range although INPUT_RANGE is not offered", ["CORE-CFG-V-03"], user =>
        {
            user.Machine.ReadOfferedFeatures();
            user.Machine.Transport.ReadConfig(8, 4);
        }),
        BrokenDriver.On(StrangeRegisters.LargeConfiguration, "gives up because the configuration is larger than it knows", ["CORE-CFG-V-04"], user =>
        {
            Negotiation.Begin(user.Machine);
            user.Machine.ReadOfferedFeatures();
            user.GiveUp("the configuration has no 40 bytes");
        }),
        new("takes a configuration of four bytes for a whole one", "CORE-CFG-V-05")
        {
            Plays = [StrangeRegisters.SmallConfiguration],
            Belief = conclusion => conclusion is StartConcluded start ? start with { Works = true } : conclusion,
        },
        BrokenDriver.On(FeatureScenarios.Without(Features.BypassConfig), "writes bypass without BYPASS_CONFIG", ["IOMMU-CFG-V-01"], user =>
        {
            user.Start();
            user.Machine.WriteBypass(1);
        }),
        BrokenDriver.Doing("writes page_size_mask", ["IOMMU-CFG-V-02"], user =>
        {
            user.Start();
            user.Machine.Transport.WriteConfig(0, 4, 0x1000);
        }),
        BrokenDriver.Doing("writes 2 to bypass", ["IOMMU-CFG-V-03"], user =>
        {
            user.Start();
            user.Machine.WriteBypass(2);
        }),
        new("takes junk in bypass for a 1", "IOMMU-CFG-V-04")
        {
            Plays = [StrangeAnswers.BypassJunk],
            Belief = conclusion => conclusion is ConfigConcluded config ? config with { Bypass = config.Config.Bypass != 0 } : conclusion,
        },
    ];

    private static void ReadAndGoOn(GuestUser user, bool generation)
    {
        var transport = user.Machine.Transport;
        Negotiation.Begin(user.Machine);
        Negotiation.Offer(user.Machine, user.Machine.Acceptable(user.Machine.ReadOfferedFeatures(), GuestUser.Everything));
        if (generation) transport.ReadConfigGeneration();
        transport.ReadConfig(0, 4);
        transport.ReadConfig(4, 4);
        if (generation) transport.ReadConfigGeneration();
        Negotiation.SetDriverOk(user.Machine);
    }
}
