using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Mmio;

/// <summary>What ConfigGeneration read, and then the configuration.</summary>
internal sealed record ConfigurationVersion(uint Generation, IommuConfig Config)
{
    /// <summary>
    /// Initialises and uses a device that nothing of it gives a reason to change its configuration, and calls back with each version,
    /// the one before it, and when that was.
    /// </summary>
    public static void ForEach(CheckContext check, MmioTransport mmio, Action<ConfigurationVersion, ConfigurationVersion, string> compare)
    {
        Given(check.Machine.ResetDevice(), "the status does not become 0 after a device reset");
        var last = Look();
        Negotiation.Begin(check.Machine);
        Compare("at DRIVER");
        var driver = check.Start();
        Compare("in operation");
        for (var i = 0; i < 5; i++)
        {
            Knock.GivenServed(check, driver);
            Compare("after a request");
        }

        ConfigurationVersion Look() => new(mmio.Read(MmioRegister.ConfigGeneration), check.Machine.ReadConfig());

        void Compare(string when)
        {
            var now = Look();
            compare(last, now, when);
            last = now;
        }
    }
}
