using Viommu.Guest.Driver;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Checks.Core;

/// <summary>
/// A reason for the device to use the event queue: DMA of an endpoint that no domain has and that is not in bypass mode. Has to be
/// made before the check's own driver starts.
/// </summary>
internal sealed class UnattachedFault
{
    private readonly CheckContext check;
    private readonly DmaEndpoint endpoint;
    private readonly ulong target;

    public UnattachedFault(CheckContext check)
    {
        this.check = check;
        endpoint = check.Dma(0);
        target = check.Machine.Heap.AllocateZeroed(64, 64);
    }

    /// <summary>
    /// What the driver has to accept: without BYPASS, which lets unattached endpoints pass where it is negotiated (5.13.6.2), and with
    /// two event buffers, so that one is left after <see cref="RequireReport"/>.
    /// </summary>
    public DriverSettings Settings { get; } = new() { Accept = Features.AcceptedByDefault & ~Features.Bypass, EventBuffers = 2 };

    /// <summary>Takes unattached endpoints out of bypass mode; after FEATURES_OK, before which the configuration must not be written (3.1.1).</summary>
    public void Forbid()
    {
        if (check.Offers(Features.BypassConfig)) check.Machine.WriteBypass(0);
    }

    /// <summary>Makes the fault, and lets the device do what it is going to do about it.</summary>
    public void Provoke()
    {
        endpoint.Write(target, 4);
        check.Machine.Target.Settle();
    }

    /// <summary>
    /// Makes the fault with the device running; N/A where no report of it comes. Reports are a SHOULD (5.13.6.9), so a device without
    /// them breaks nothing that is judged here, but nothing can be seen of its event queue either.
    /// </summary>
    public void RequireReport(IommuDriver driver)
    {
        endpoint.Write(target, 4);
        if (!check.Machine.Await(() => driver.TakeEvents().Count > 0))
            throw new NotApplicableException("the device reports no fault of an unattached endpoint, so its event queue does nothing");
    }
}
