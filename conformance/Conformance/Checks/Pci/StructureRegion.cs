using Viommu.Guest.Driver;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>The bytes that a capability points at, in a memory or an I/O BAR.</summary>
internal sealed class StructureRegion
{
    private readonly Machine machine;
    private readonly ulong first;
    private readonly bool isIo;

    public StructureRegion(Machine machine, VirtioCapability capability)
    {
        this.machine = machine;
        var port = capability.Function.IoBarAddress(capability.Bar);
        isIo = port is not null;
        first = (port ?? capability.Function.BarAddress(capability.Bar)) + capability.Offset;
    }

    /// <summary>Reads 1, 2 or 4 bytes.</summary>
    public uint Read(uint offset, int width) =>
        isIo ? machine.Target.IoRead((ushort)(first + offset), width) : (uint)machine.Target.MmioRead(first + offset, width);

    /// <summary>Writes 1, 2 or 4 bytes.</summary>
    public void Write(uint offset, int width, uint value)
    {
        if (isIo) machine.Target.IoWrite((ushort)(first + offset), width, value);
        else machine.Target.MmioWrite(first + offset, width, value);
    }
}
