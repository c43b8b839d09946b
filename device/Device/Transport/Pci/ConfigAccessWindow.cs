using Viommu.Device.Wire;

namespace Viommu.Device.Transport.Pci;

/// <summary>
/// The PCI configuration access capability (section 4.1.4.9): a window of 1, 2 or 4 bytes into the virtio structures that works without
/// a placed BAR.
/// </summary>
internal sealed class ConfigAccessWindow(PciConfigSpace config, int capability, int barIndex, StructureBar bar)
{
    private Span<byte> Data => config.Bytes(capability + VirtioPciCapability.Data, VirtioPciCapability.DataSize);

    /// <summary>True where an access to configuration space includes a byte of <c>pci_cfg_data</c>.</summary>
    public bool IsTouchedBy(int offset, int width)
    {
        int data = capability + VirtioPciCapability.Data;
        return offset < data + VirtioPciCapability.DataSize && data < offset + width;
    }

    /// <summary>PCI-CFGACC-D-03.</summary>
    public void Load()
    {
        if (!TryLocate(out int offset, out int length)) return;
        ulong value = bar.Read(offset, length);
        for (int i = 0; i < length; i++) Data[i] = (byte)(value >> (8 * i));
    }

    /// <summary>PCI-CFGACC-D-02.</summary>
    public void Store()
    {
        if (!TryLocate(out int offset, out int length)) return;
        ulong value = 0;
        for (int i = length - 1; i >= 0; i--) value = (value << 8) | Data[i];
        bar.Write(offset, length, value);
    }

    // A driver must only point it at the virtio structures, and aligned; elsewhere nothing is accessed.
    private bool TryLocate(out int offset, out int length)
    {
        uint start = config.U32(capability + VirtioPciCapability.Offset);
        uint size = config.U32(capability + VirtioPciCapability.Length);
        offset = (int)start;
        length = (int)size;
        return config.U8(capability + VirtioPciCapability.Bar) == barIndex
            && size is 1 or 2 or 4
            && start % size == 0
            && start < StructureBar.Size;
    }
}
