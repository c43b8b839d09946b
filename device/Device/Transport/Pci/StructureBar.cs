using Viommu.Device.Wire;

namespace Viommu.Device.Transport.Pci;

/// <summary>The BAR with the structures of section 4.1.4: common configuration, ISR status, device configuration, notification.</summary>
internal sealed class StructureBar(VirtioCore core, CommonConfiguration common)
{
    public const uint Size = 0x4000;

    public const int CommonOffset = 0x0000;
    public const int IsrOffset = 0x1000;
    public const int IsrLength = 1;
    public const int DeviceOffset = 0x2000;
    public const int NotifyOffset = 0x3000;

    /// <summary>notify_off_multiplier: each queue has a doorbell of four bytes, wide enough for VIRTIO_F_NOTIFICATION_DATA.</summary>
    public const int NotifyMultiplier = 4;

    /// <summary>ISR status (section 4.1.4.5).</summary>
    public byte Isr { get; set; }

    /// <summary>Length of the notification structure.</summary>
    public int NotifyLength => core.QueueCount * NotifyMultiplier;

    /// <summary>The driver reads the ISR status. PCI-ISR-D-05: that resets it.</summary>
    public byte TakeIsr()
    {
        byte isr = Isr;
        Isr = 0;
        return isr;
    }

    /// <summary>Reads a register at an offset in the BAR; where there is none of that width, 0.</summary>
    public ulong Read(int offset, int width)
    {
        if (offset < CommonConfigurationLayout.Size) return common.Read(offset, width);
        if (offset == IsrOffset && width == IsrLength) return TakeIsr();
        return offset is >= DeviceOffset and < NotifyOffset ? core.ReadConfig(offset - DeviceOffset, width) : 0;
    }

    /// <summary>Writes a register at an offset in the BAR; where there is none of that width, nothing happens.</summary>
    public void Write(int offset, int width, ulong value)
    {
        if (offset < CommonConfigurationLayout.Size) common.Write(offset, width, value);
        else if (offset is >= DeviceOffset and < NotifyOffset) core.WriteConfig(offset - DeviceOffset, width, value);
        else if (offset >= NotifyOffset && offset < NotifyOffset + NotifyLength) Ring(offset - NotifyOffset, width, value);
    }

    // Section 4.1.5.2. The address says which queue is meant; the low half of the value repeats it, and is not looked at.
    private void Ring(int offset, int width, ulong value)
    {
        if (offset % NotifyMultiplier != 0) return;
        int queue = offset / NotifyMultiplier;
        bool hasData = (core.Negotiated & VirtioFeatures.NotificationData) != 0;
        if (hasData && width == 4) core.Notify(queue, (ushort)(value >> 16));
        else if (!hasData && width == 2) core.Notify(queue);
    }
}
