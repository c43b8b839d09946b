using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>A device that offers a feature bit beside those of the reference device; drivers can accept it, and nothing comes of it.</summary>
internal sealed class OffersBit(ITarget inner, int bit) : RegisterInterceptor(inner)
{
    private readonly ulong word = (ulong)bit / 32;
    private readonly ulong mask = 1UL << (bit % 32);
    private bool accepted;

    protected override ulong ReadRegister(CommonField field)
    {
        var shown = (field == CommonField.DeviceFeature && Real(CommonField.DeviceFeatureSelect) == word)
            || (field == CommonField.DriverFeature && Real(CommonField.DriverFeatureSelect) == word && accepted);
        return base.ReadRegister(field) | (shown ? mask : 0);
    }

    protected override void WriteRegister(CommonField field, ulong value)
    {
        if (field == CommonField.DriverFeature && Real(CommonField.DriverFeatureSelect) == word)
        {
            accepted = (value & mask) != 0;
            value &= ~mask;
        }
        base.WriteRegister(field, value);
    }

    protected override void WriteStatus(DeviceStatus status)
    {
        if (status == DeviceStatus.None) accepted = false;
        base.WriteStatus(status);
    }
}
