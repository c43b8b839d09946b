namespace Viommu.Device.Wire;

/// <summary>Offsets in the PCI configuration header (type 0) that a function here uses.</summary>
internal static class PciHeader
{
    public const int Size = 256;
    public const int VendorId = 0x00;
    public const int DeviceId = 0x02;
    public const int Command = 0x04;
    public const int Status = 0x06;
    public const int RevisionId = 0x08;
    public const int ClassCode = 0x09;
    public const int Bar0 = 0x10;
    public const int Bar1 = 0x14;
    public const int SubsystemVendorId = 0x2c;
    public const int SubsystemId = 0x2e;
    public const int CapabilitiesPointer = 0x34;
    public const int InterruptLine = 0x3c;
    public const int InterruptPin = 0x3d;
    public const int FirstCapability = 0x40;

    public const ushort CommandIoSpace = 1 << 0;
    public const ushort CommandMemorySpace = 1 << 1;
    public const ushort CommandBusMaster = 1 << 2;
    public const ushort CommandInterruptDisable = 1 << 10;
    public const ushort StatusInterrupt = 1 << 3;
    public const ushort StatusCapabilitiesList = 1 << 4;

    /// <summary>Bit of a BAR that is for I/O space.</summary>
    public const uint BarIoSpace = 1;
}

/// <summary>Capability IDs and the MSI-X capability of the PCI specification.</summary>
internal static class PciCapability
{
    public const byte VendorSpecific = 0x09;
    public const byte MsiX = 0x11;

    /// <summary>Length of the MSI-X capability without its ID and link.</summary>
    public const int MsiXBodySize = 2 + 4 + 4;

    /// <summary>Offset of Message Control inside the MSI-X capability.</summary>
    public const int MsiXControl = 2;
    public const ushort MsiXFunctionMask = 1 << 14;
    public const ushort MsiXEnable = 1 << 15;
}

/// <summary>The legacy configuration structure (section 4.1.4.10): offsets in bytes.</summary>
internal static class LegacyPciLayout
{
    public const int DeviceFeatures = 0x00;
    public const int DriverFeatures = 0x04;
    public const int QueueAddress = 0x08;
    public const int QueueSize = 0x0c;
    public const int QueueSelect = 0x0e;
    public const int QueueNotify = 0x10;
    public const int DeviceStatus = 0x12;
    public const int IsrStatus = 0x13;

    /// <summary>Two fields that are there only while MSI-X is enabled; otherwise the device configuration starts here.</summary>
    public const int ConfigMsixVector = 0x14;
    public const int QueueMsixVector = 0x16;

    public const int Size = 20;
    public const int SizeWithMsix = 24;
}

/// <summary>struct virtio_pci_cap (section 4.1.4).</summary>
internal static class VirtioPciCapability
{
    public const byte CommonConfiguration = 1;
    public const byte Notify = 2;
    public const byte Isr = 3;
    public const byte DeviceConfiguration = 4;
    public const byte PciConfigurationAccess = 5;

    public const int Size = 16;
    public const int Bar = 4;
    public const int Offset = 8;
    public const int Length = 12;

    /// <summary>Offset of <c>pci_cfg_data</c> behind the capability of type <see cref="PciConfigurationAccess"/>, and its length.</summary>
    public const int Data = Size;
    public const int DataSize = 4;
}
