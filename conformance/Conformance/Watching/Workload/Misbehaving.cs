using Viommu.Conformance.Selftest;
using Viommu.Device.Iommu;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Watching.Workload;

/// <summary>Devices that do what no device should, but what a driver has to cope with: made around the reference device, as broken devices are.</summary>
internal static class Misbehaving
{
    /// <summary>One whose requests, configuration or reports go through an interceptor; on every transport.</summary>
    public static ModelVariation Requests(Func<IommuDevice, Interceptor> intercept) => new()
    {
        Assemble = (device, _) =>
        {
            var interceptor = intercept(device);
            return new ModelParts(interceptor, interceptor);
        },
    };

    /// <summary>One whose registers go through an interceptor; on modern PCI.</summary>
    public static ModelVariation Registers(Func<ITarget, RegisterInterceptor> intercept) => new() { Machine = intercept };
}

/// <summary>A device that offers feature bits beside its own, and does nothing with them.</summary>
internal sealed class OffersBits(IommuDevice device, ulong bits) : Interceptor(device)
{
    public override ulong DeviceTypeFeatures => base.DeviceTypeFeatures | bits;
}
