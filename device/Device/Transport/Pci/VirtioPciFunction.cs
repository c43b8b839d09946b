using Viommu.Device.Memory;
using Viommu.Device.Virtqueue;
using Viommu.Device.Wire;

namespace Viommu.Device.Transport.Pci;

/// <summary>
/// A virtio-pci function (section 4.1): configuration space, one 32-bit memory BAR with the virtio structures, and, where it has MSI-X, a
/// second one with table and pending bits. Everything that an access causes has happened when the access returns.
/// </summary>
/// <remarks>
/// With <see cref="VirtioPciOptions.Transitional"/>, an extension for a virtio-iommu, the legacy interface is there as well. A driver uses
/// one of the two from reset to reset. The first write to the legacy header makes it the legacy one; once FEATURES_OK is set through the
/// other, the legacy header ignores all writes but the one that resets the device.
/// </remarks>
public sealed partial class VirtioPciFunction : IInterrupts
{
    private const byte IsrQueue = 1;
    private const byte IsrConfiguration = 2;

    private readonly VirtioCore _core;
    private readonly CommonConfiguration _common;
    private readonly StructureBar _structures;
    private readonly MsixTable? _msix;
    private readonly LegacyHeader? _legacy;
    private readonly PciIdentity _identity;

    private readonly FunctionConfig _config;

    /// <summary>Puts <paramref name="device"/> on the bus.</summary>
    /// <param name="device">The device type.</param>
    /// <param name="memory">Guest memory: rings, buffers, and where MSI-X messages go.</param>
    /// <param name="options">What the function offers.</param>
    /// <exception cref="ArgumentException"><paramref name="options"/> describe no legal function.</exception>
    public VirtioPciFunction(IVirtioDevice device, IGuestMemory memory, VirtioPciOptions options)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _identity = options.Transitional ? PciIdentity.Transitional(device.DeviceId) : PciIdentity.Modern(device.DeviceId);
        _core = new(device, memory, options.Features, this);
        _common = new(_core, options.MsixVectors);
        _structures = new(_core, _common);
        if (options.MsixVectors > 0) _msix = new(options.MsixVectors, memory);
        if (options.Transitional) _legacy = new(_core, _common, _structures, _msix);
        _config = new(_identity, _core.ConfigLength, _structures, _msix, _legacy);
    }

    /// <summary>The PCI device ID: 0x1040 plus the virtio device ID, or 0x1000 plus it where the function is transitional.</summary>
    public ushort DeviceId => _identity.DeviceId;

    /// <summary>True while the function asserts INTA.</summary>
    public bool IsIntxAsserted => InterruptStatus && !_config.IsInterruptDisabled;

    /// <summary>What made the device set DEVICE_NEEDS_RESET; none where it did not since the last reset.</summary>
    public ChainFault LastFault => _core.LastFault;

    // PCI-ISR-D-04: with MSI-X disabled, the OR of all ISR bits.
    private bool InterruptStatus => _structures.Isr != 0 && _msix is not { IsEnabled: true };

    /// <summary>Reads configuration space: <paramref name="width"/> 1, 2 or 4, aligned. Anything else, or past byte 255, is 0.</summary>
    public uint ConfigRead(int offset, int width) =>
        IsConfigAccess(offset, width) ? _config.Read(offset, width, InterruptStatus) : 0;

    /// <summary>Writes configuration space: <paramref name="width"/> 1, 2 or 4, aligned. Anything else is ignored.</summary>
    public void ConfigWrite(int offset, int width, uint value)
    {
        if (!IsConfigAccess(offset, width)) return;
        _config.Write(offset, width, value);
        ApplyControls();
    }

    /// <summary>
    /// Reads <paramref name="width"/> (1, 2, 4 or 8) bytes, little-endian; false where no BAR that is placed and enabled decodes the
    /// address. A width or place that has no register reads as 0.
    /// </summary>
    public bool TryMmioRead(ulong address, int width, out ulong value)
    {
        value = 0;
        if (!_config.TryDecode(address, width, out var bar, out int offset)) return false;
        value = bar == MemoryBar.Structures ? _structures.Read(offset, width) : _msix!.Read(offset, width);
        return true;
    }

    /// <summary>
    /// Writes <paramref name="width"/> (1, 2, 4 or 8) bytes, little-endian; false where no BAR that is placed and enabled decodes the
    /// address. A width or place that has no register is ignored.
    /// </summary>
    public bool TryMmioWrite(ulong address, int width, ulong value)
    {
        if (!_config.TryDecode(address, width, out var bar, out int offset)) return false;
        if (bar == MemoryBar.Structures) _structures.Write(offset, width, value);
        else _msix!.Write(offset, width, value);
        return true;
    }

    /// <summary>
    /// Reads <paramref name="width"/> (1, 2 or 4) bytes of the legacy header, little-endian; false where no I/O BAR that is placed and
    /// enabled decodes the port. A width or place that has no register reads as 0.
    /// </summary>
    public bool TryIoRead(ushort port, int width, out uint value)
    {
        value = 0;
        if (!_config.TryDecodeIo(port, width, out int offset)) return false;
        value = _legacy!.Read(offset, width);
        return true;
    }

    /// <summary>
    /// Writes <paramref name="width"/> (1, 2 or 4) bytes of the legacy header, little-endian; false where no I/O BAR that is placed and
    /// enabled decodes the port. A width or place that has no register is ignored.
    /// </summary>
    public bool TryIoWrite(ushort port, int width, uint value)
    {
        if (!_config.TryDecodeIo(port, width, out int offset)) return false;
        _legacy!.Write(offset, width, value);
        return true;
    }

    /// <summary>The machine's reset line: the function is as after construction, its BARs not placed.</summary>
    public void SystemReset()
    {
        _core.SystemReset();
        _msix?.SystemReset();
        _config.Reset();
        ApplyControls();
    }

    void IInterrupts.QueueUsed(int queue)
    {
        // PCI-ISR-D-03: the queue bit is for INTx only.
        if (_msix is not { IsEnabled: true }) _structures.Isr |= IsrQueue;
        else Raise(_msix, _common.QueueVector(queue));
    }

    void IInterrupts.ConfigurationChanged()
    {
        // PCI-ISR-D-02: set before the notification, whether MSI-X is enabled or not.
        _structures.Isr |= IsrConfiguration;
        if (_msix is { IsEnabled: true }) Raise(_msix, _common.ConfigVector);
    }

    void IInterrupts.Reset()
    {
        _structures.Isr = 0;
        _msix?.ClearPending();
        _common.Reset();
    }

    // PCI-UNOTIFY-D-01, PCI-CNOTIFY-D-02: an event without a vector interrupts nobody.
    private static void Raise(MsixTable msix, ushort vector)
    {
        if (vector != CommonConfigurationLayout.NoVector) msix.Raise(vector);
    }

    private static bool IsConfigAccess(int offset, int width) =>
        width is 1 or 2 or 4 && offset >= 0 && offset % width == 0 && offset + width <= PciHeader.Size;

    private void ApplyControls()
    {
        _core.CanReachMemory = _config.IsBusMaster;
        _msix?.Configure(_config.IsMsixEnabled, _config.IsMsixMasked, _config.IsBusMaster);
    }
}
