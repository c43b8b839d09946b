using System.Numerics;
using Viommu.Device.Wire;
using static Viommu.Device.Wire.LegacyPciLayout;

namespace Viommu.Device.Transport.Pci;

/// <summary>
/// The legacy configuration structure in the I/O BAR (section 4.1.4.10), in the order of the spec, for a little-endian guest. Select and
/// vectors are those of the common configuration structure.
/// </summary>
internal sealed class LegacyHeader
{
    private readonly VirtioCore _core;
    private readonly CommonConfiguration _common;
    private readonly StructureBar _structures;
    private readonly MsixTable? _msix;
    private readonly LegacyQueues _queues;

    public LegacyHeader(VirtioCore core, CommonConfiguration common, StructureBar structures, MsixTable? msix)
    {
        _core = core;
        _common = common;
        _structures = structures;
        _msix = msix;
        _queues = new(core);
    }

    public static IReadOnlyList<Register> Registers { get; } =
    [
        new(DeviceFeatures, 4, "Device Features bits 0:31", h => (uint)h._core.LegacyFeatures, null),
        new(DriverFeatures, 4, "Driver Features bits 0:31", h => (uint)h._core.DriverFeatures, (h, v) => h._core.WriteDriverFeatures(0, v)),
        new(QueueAddress, 4, "Queue Address", h => h._queues.PageNumber(h.Selected), (h, v) => h._queues.Place(h.Selected, v)),
        new(QueueSize, 2, "queue_size", h => h._core.Queue(h.Selected)?.Size ?? 0u, null),
        Shared(QueueSelect, "queue_select", CommonConfigurationLayout.QueueSelect),
        new(QueueNotify, 2, "Queue Notify", _ => 0, (h, v) => h._core.Notify((int)v)),
        new(LegacyPciLayout.DeviceStatus, 1, "Device Status", h => (uint)h._core.Status, (h, v) => h._core.WriteStatus((Wire.DeviceStatus)v)),
        new(IsrStatus, 1, "ISR Status", h => h._structures.TakeIsr(), null),
    ];

    /// <summary>The two fields that follow while MSI-X is enabled.</summary>
    public static IReadOnlyList<Register> MsixRegisters { get; } =
    [
        Shared(ConfigMsixVector, "config_msix_vector", CommonConfigurationLayout.ConfigMsixVector),
        Shared(QueueMsixVector, "queue_msix_vector", CommonConfigurationLayout.QueueMsixVector),
    ];

    /// <summary>Size of the I/O BAR that holds the structure at its longest.</summary>
    public uint BarSize => BitOperations.RoundUpToPowerOf2((uint)(SizeWithMsix + _core.ConfigLength));

    private bool HasVectors => _msix is { IsEnabled: true };

    // LEGACY-PCI-D-03: the device configuration moves when MSI-X is enabled or disabled.
    private int ConfigOffset => HasVectors ? SizeWithMsix : LegacyPciLayout.Size;

    private int Selected => (int)_common.Read(CommonConfigurationLayout.QueueSelect, 2);

    public uint Read(int offset, int width)
    {
        if (offset >= ConfigOffset) return IsIoWidth(width) ? (uint)_core.ReadConfig(offset - ConfigOffset, width) : 0;
        return Find(offset, width)?.Read(this) ?? 0;
    }

    public void Write(int offset, int width, uint value)
    {
        if (!IsIoWidth(width)) return;
        if (width < 4) value &= (1u << (8 * width)) - 1;
        bool isReset = offset == LegacyPciLayout.DeviceStatus && width == 1 && value == 0;
        if (!_core.TryUseLegacyInterface() && !isReset) return;
        if (offset >= ConfigOffset) _core.WriteConfig(offset - ConfigOffset, width, value);
        else Find(offset, width)?.Write?.Invoke(this, value);
    }

    // x86 has no wider access to I/O space.
    private static bool IsIoWidth(int width) => width is 1 or 2 or 4;

    private static Register Shared(int offset, string name, int field) =>
        new(offset, 2, name, h => (uint)h._common.Read(field, 2), (h, v) => h._common.Write(field, 2, v));

    private Register? Find(int offset, int width)
    {
        var registers = offset < LegacyPciLayout.Size ? Registers : MsixRegisters;
        // By index: an enumerator of the list would be allocated for each access.
        for (int i = 0; i < registers.Count; i++)
        {
            if (registers[i].Offset == offset && registers[i].Width == width) return registers[i];
        }

        return null;
    }

    /// <summary>One row of the structure. Without <see cref="Write"/> the register is read-only for the driver.</summary>
    internal sealed record Register(int Offset, int Width, string Name, Func<LegacyHeader, uint> Read, Action<LegacyHeader, uint>? Write);
}
