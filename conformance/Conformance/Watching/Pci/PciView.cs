using System.Buffers.Binary;

namespace Viommu.Conformance.Watching.Pci;

/// <summary>What configuration space says of a function (4.1.2, 4.1.4), for rules that judge what a driver makes of it.</summary>
internal sealed class PciView
{
    private const byte VendorSpecific = 0x09;
    private const byte MsiX = 0x11;
    private const byte SmallestCapability = 4;
    private const int MostCapabilities = 48;

    private readonly List<Capability> capabilities = [];
    private readonly List<int> places = [];
    private byte[]? space;

    /// <summary>Revision ID.</summary>
    public byte Revision => space![0x08];

    /// <summary>Vendor ID.</summary>
    public ushort Vendor => U16(0x00);

    /// <summary>Subsystem Vendor ID.</summary>
    public ushort SubsystemVendor => U16(0x2c);

    /// <summary>The <c>vendor_id</c> of each vendor data capability, in the order of the list.</summary>
    public IReadOnlyList<ushort> VendorData => [.. capabilities.Where(capability => capability.Type == Capability.VendorData).Select(capability => U16(capability.At + 4))];

    /// <summary>True where bytes that belong to no capability come between the one that a virtio capability ends with and the one that it links to.</summary>
    public bool HasPadding => capabilities.Exists(capability =>
        capability.Next >= capability.At + capability.Length + SmallestCapability && !places.Exists(place => place > capability.At && place < capability.Next));

    /// <summary>The virtio capabilities, in the order of the list.</summary>
    public IReadOnlyList<Capability> Capabilities => capabilities;

    /// <summary>Where the MSI-X capability is; null where there is none.</summary>
    public int? Msix { get; private set; }

    /// <summary>The number of MSI-X vectors; 0 where there are none.</summary>
    public int Vectors => Msix is { } at ? (BinaryPrimitives.ReadUInt16LittleEndian(space.AsSpan(at + 2)) & 0x7ff) + 1 : 0;

    /// <summary>notify_off_multiplier of the notification structure that a driver uses; null where there is none.</summary>
    public uint? NotifyMultiplier => capabilities.Find(capability => capability is { Type: 2, IsUsable: true }) is { } notify ? U32(notify.At + 16) : null;

    /// <summary>The view that a rule has of the function at hand; null where the source does not show configuration space.</summary>
    public static PciView? Of(Judge judge) => judge.Driver.PciConfiguration is { } space ? judge.Keep<PciView>().Read(space) : null;

    private PciView Read(byte[] now)
    {
        if (space is not null) return this;
        space = now;
        var at = space[0x34] & ~3;
        for (var seen = 0; at >= 0x40 && at <= 0xf0 && seen < MostCapabilities; seen++)
        {
            places.Add(at);
            if (space[at] == MsiX) Msix ??= at;
            else if (space[at] == VendorSpecific) capabilities.Add(new Capability(at, space[at + 1] & ~3, space[at + 2], space[at + 3], space[at + 4], U32(at + 8), U32(at + 12)));
            at = space[at + 1] & ~3;
        }
        return this;
    }

    private ushort U16(int at) => BinaryPrimitives.ReadUInt16LittleEndian(space.AsSpan(at));

    private uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(space.AsSpan(at));

    /// <summary>A struct virtio_pci_cap.</summary>
    /// <param name="At">Where it is.</param>
    /// <param name="Next"><c>cap_next</c>, the place of the next capability; 0 at the end of the list.</param>
    /// <param name="Length"><c>cap_len</c>.</param>
    /// <param name="Type"><c>cfg_type</c>.</param>
    /// <param name="Bar"><c>bar</c>.</param>
    /// <param name="Offset"><c>offset</c>.</param>
    /// <param name="Size"><c>length</c>.</param>
    internal sealed record Capability(int At, int Next, int Length, byte Type, byte Bar, uint Offset, uint Size)
    {
        public const byte ConfigurationAccess = 5;
        public const byte VendorData = 9;

        /// <summary>The type is none that the spec knows.</summary>
        public bool IsReservedType => Type is not ((>= 1 and <= 5) or 8 or 9);

        /// <summary>A driver can use the structure that it points at.</summary>
        public bool IsUsable => Type is (>= 1 and <= 4) or 8 && Bar <= 5;

        /// <summary>What the fields of its type take; vendor data can have any length.</summary>
        public int KnownLength => Type switch
        {
            2 or ConfigurationAccess => 20,
            8 => 24,
            VendorData => 0xff,
            _ => 16,
        };

        /// <summary>True where an access to configuration space touches it.</summary>
        public bool Holds(RegisterAccess access) => access.Offset < At + Length && access.Offset + access.Width > At;
    }
}
