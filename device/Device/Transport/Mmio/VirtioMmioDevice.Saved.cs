using Viommu.Device.Lifecycle;

namespace Viommu.Device.Transport.Mmio;

/// <content>Save and restore.</content>
public sealed partial class VirtioMmioDevice
{
    /// <summary>
    /// The state of device type, virtqueues and registers, in the format that the README of the Lifecycle folder describes. Guest memory is
    /// not in it.
    /// </summary>
    /// <exception cref="NotSupportedException">The device type has no state that can be saved.</exception>
    public byte[] Save()
    {
        var writer = new StateWriter();
        writer.Section("MMIO"u8, _registers.Save);
        _core.Save(writer);
        return writer.ToArray();
    }

    /// <summary>
    /// Takes over the state of a device that was built with the same options. Nothing is sent, served or reset: the driver goes on as with
    /// the device that was saved, guest memory being the same.
    /// </summary>
    /// <param name="state">What <see cref="Save"/> returned, or anything else.</param>
    /// <param name="error">The first fault found; the device is then as it was.</param>
    /// <returns>False where the state is faulty.</returns>
    /// <exception cref="NotSupportedException">The device type has no state that can be saved.</exception>
    public bool TryRestore(ReadOnlySpan<byte> state, out StateError error)
    {
        var reader = new StateReader(state);
        reader.Begin("MMIO"u8);
        var loadRegisters = _registers.Load(ref reader);
        reader.End();
        var loadCore = _core.Load(ref reader);
        reader.Finish();
        error = reader.Error;
        if (reader.IsFaulty) return false;
        loadRegisters();
        loadCore();
        return true;
    }
}
