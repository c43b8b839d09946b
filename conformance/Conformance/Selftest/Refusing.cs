using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>A device that at times refuses features that it ought to accept: FEATURES_OK then reads 0.</summary>
internal abstract class Refusing(ITarget inner) : RegisterInterceptor(inner)
{
    protected abstract bool Refuses { get; }

    protected override DeviceStatus ReadStatus() => base.ReadStatus() & (Refuses ? ~DeviceStatus.FeaturesOk : ~DeviceStatus.None);
}
