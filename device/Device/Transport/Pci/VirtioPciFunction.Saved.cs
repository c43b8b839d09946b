using Viommu.Device.Lifecycle;

namespace Viommu.Device.Transport.Pci;

/// <content>Save and restore.</content>
public sealed partial class VirtioPciFunction
{
    /// <summary>
    /// The state of device type, virtqueues and registers, in the format that the README of the Lifecycle folder describes. Guest memory is
    /// not in it.
    /// </summary>
    /// <exception cref="NotSupportedException">The device type has no state that can be saved.</exception>
    public byte[] Save()
    {
        var writer = new StateWriter();
        writer.Section("PCIF"u8, SaveRegisters);
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
        reader.Begin("PCIF"u8);
        var loadRegisters = LoadRegisters(ref reader);
        reader.End();
        var loadCore = _core.Load(ref reader);
        reader.Finish();
        error = reader.Error;
        if (reader.IsFaulty) return false;
        loadRegisters();
        loadCore();
        ApplyControls();
        return true;
    }

    private void SaveRegisters(StateWriter writer)
    {
        writer.U64(DeviceId);
        _config.Save(writer);
        _common.Save(writer);
        writer.U8(_structures.Isr);
        _msix?.Save(writer);
    }

    private Action LoadRegisters(ref StateReader reader)
    {
        reader.Expect(DeviceId);
        var loadConfig = _config.Load(ref reader);
        var loadCommon = _common.Load(ref reader);
        int start = reader.Position;
        byte isr = reader.U8();
        if ((isr & ~(IsrQueue | IsrConfiguration)) != 0) reader.Fail(StateFault.Value, start);
        var loadMsix = _msix?.Load(ref reader);
        return () =>
        {
            loadConfig();
            loadCommon();
            _structures.Isr = isr;
            loadMsix?.Invoke();
        };
    }
}
