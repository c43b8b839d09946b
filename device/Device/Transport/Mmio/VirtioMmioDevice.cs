using Viommu.Device.Memory;
using Viommu.Device.Virtqueue;
using Viommu.Device.Wire;

namespace Viommu.Device.Transport.Mmio;

/// <summary>
/// A virtio-mmio device (section 4.2): control registers, the configuration of the device type behind them, one level interrupt.
/// Everything that an access causes has happened when the access returns.
/// </summary>
/// <remarks>
/// With <see cref="VirtioMmioOptions.Legacy"/> the registers are those of section 4.2.4, for a little-endian guest: queues are placed by
/// page number, there is no FEATURES_OK, and requests are served before DRIVER_OK. A virtio-iommu was made for virtio 1, so VERSION_1
/// stays on offer: feature bits 32 to 63 can be read as the legacy table says, but what the driver writes there is not accepted, and
/// FEATURES_OK stays clear. A driver that depends on VERSION_1 finds out by that; a legacy driver looks at neither.
/// </remarks>
public sealed partial class VirtioMmioDevice : IInterrupts
{
    /// <summary>Length of the register space, in bytes, as in the example of section 4.2.1.</summary>
    public const int Length = 0x200;

    private readonly VirtioCore _core;
    private readonly MmioRegisters _registers;

    /// <summary>Gives <paramref name="device"/> its registers.</summary>
    /// <param name="device">The device type.</param>
    /// <param name="memory">Guest memory: rings and buffers.</param>
    /// <param name="options">What the device offers.</param>
    /// <exception cref="ArgumentException"><paramref name="options"/> describe no legal device.</exception>
    public VirtioMmioDevice(IVirtioDevice device, IGuestMemory memory, VirtioMmioOptions options)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _core = new(device, memory, options.Features, this) { CanReachMemory = true };
        _registers = new(_core, device.DeviceId, options.Legacy);
    }

    /// <summary>True while the device asserts its interrupt: InterruptStatus is not 0 (section 4.2.3.4).</summary>
    public bool InterruptAsserted => _registers.Interrupts != 0;

    /// <summary>What made the device set DEVICE_NEEDS_RESET; none where it did not since the last reset.</summary>
    public ChainFault LastFault => _core.LastFault;

    /// <summary>
    /// Reads <paramref name="width"/> bytes, little-endian: 4 and aligned from a control register; 1, 2, 4 or 8 at any offset from the
    /// configuration at 0x100. What is write-only, not there, not all there, or of another width reads as 0.
    /// </summary>
    public ulong Read(int offset, int width) =>
        offset < MmioLayout.Config ? _registers.Read(offset, width) : _core.ReadConfig(offset - MmioLayout.Config, width);

    /// <summary>
    /// Writes <paramref name="width"/> bytes, little-endian, to what <see cref="Read"/> reads; what is read-only, not there, not all
    /// there, or of another width is ignored.
    /// </summary>
    public void Write(int offset, int width, ulong value)
    {
        if (offset < MmioLayout.Config) _registers.Write(offset, width, value);
        else _registers.WriteConfig(offset - MmioLayout.Config, width, value);
    }

    /// <summary>The machine's reset line: the device is as after construction.</summary>
    public void SystemReset()
    {
        _core.SystemReset();
        _registers.SystemReset();
    }

    void IInterrupts.QueueUsed(int queue) => _registers.Interrupts |= MmioLayout.UsedBufferNotification;

    void IInterrupts.ConfigurationChanged() => _registers.Interrupts |= MmioLayout.ConfigurationChangeNotification;

    void IInterrupts.Reset() => _registers.Reset();
}
