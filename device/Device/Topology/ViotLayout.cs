namespace Viommu.Device.Topology;

/// <summary>Offsets and numbers of the Virtual I/O Translation Table (ACPI 6.4, section 5.2.34).</summary>
internal static class ViotLayout
{
    // The header that all system description tables share (section 5.2.6).
    public const int Signature = 0;
    public const int Length = 4;
    public const int Revision = 8;
    public const int Checksum = 9;
    public const int OemId = 10;
    public const int OemTableId = 16;
    public const int OemRevision = 24;
    public const int CreatorId = 28;
    public const int CreatorRevision = 32;

    public const int NodeCount = 36;
    public const int NodeOffset = 38;
    public const int HeaderSize = 48;

    public const int NodeType = 0;
    public const int NodeLength = 2;
    public const int NodeHeaderSize = 4;

    public const byte PciRange = 1;
    public const int PciEndpointStart = 4;
    public const int PciSegmentStart = 8;
    public const int PciSegmentEnd = 10;
    public const int PciBdfStart = 12;
    public const int PciBdfEnd = 14;
    public const int PciOutputNode = 16;
    public const int PciRangeSize = 24;

    public const byte MmioEndpoint = 2;
    public const int MmioEndpointId = 4;
    public const int MmioEndpointBase = 8;
    public const int MmioOutputNode = 16;
    public const int MmioEndpointSize = 24;

    public const byte PciIommu = 3;
    public const int PciIommuSegment = 4;
    public const int PciIommuBdf = 6;
    public const int PciIommuSize = 16;

    public const byte MmioIommu = 4;
    public const int MmioIommuBase = 8;
    public const int MmioIommuSize = 16;

    public static ReadOnlySpan<byte> SignatureBytes => "VIOT"u8;
}
