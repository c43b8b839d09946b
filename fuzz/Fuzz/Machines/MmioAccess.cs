using Viommu.Device.Transport.Mmio;

namespace Viommu.Fuzz.Machines;

/// <summary>Registers of virtio-mmio as a driver accesses them: 32 bits at a time (section 4.2.2.2).</summary>
internal static class MmioAccess
{
    public static uint Get(this VirtioMmioDevice device, uint register) => (uint)device.Read((int)register, 4);

    public static void Set(this VirtioMmioDevice device, uint register, uint value) => device.Write((int)register, 4, value);
}
