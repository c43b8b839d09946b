using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Support;

/// <summary>A device on some transport, as far as tests need not know which.</summary>
internal interface IMachine
{
    FlatGuestMemory Memory { get; }

    IommuDevice Device { get; }

    /// <summary>Initialization by the book: all that is offered but <paramref name="without"/>, both queues, DRIVER_OK.</summary>
    (Ring Requests, Ring Events) Start(VirtioFeatures without = VirtioFeatures.None);

    void Notify(int queue);

    ulong ReadConfig(int offset, int width);

    void WriteConfig(int offset, int width, ulong value);
}
