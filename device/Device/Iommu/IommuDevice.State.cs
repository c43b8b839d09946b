using Viommu.Device.Lifecycle;

namespace Viommu.Device.Iommu;

/// <content>Save and restore.</content>
public sealed partial class IommuDevice : ISavedDevice
{
    void ISavedDevice.Save(StateWriter writer) => writer.Section("IOMM"u8, _state.Save);

    Action ISavedDevice.Load(ref StateReader reader)
    {
        reader.Begin("IOMM"u8);
        var state = IommuState.Load(_state.Options, ref reader);
        reader.End();
        return () => _state = state;
    }
}
