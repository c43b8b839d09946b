namespace Viommu.Fuzz.Transports.Judging;

/// <summary>
/// Configuration space of a function: what PCI asks of it, what section 4.1.2 asks of a virtio device, and where the capabilities of
/// section 4.1.4 say that the structures are.
/// </summary>
/// <param name="structures">Where to note them, where nothing is noted yet.</param>
/// <param name="barSizes">Sizes of the BARs; 0 where one was not sized.</param>
/// <param name="isTransitional">Whether it has the legacy interface as well.</param>
/// <param name="read">Reads configuration space: offset and width.</param>
internal sealed class PciFunctionJudge(PciStructures structures, uint[] barSizes, bool isTransitional, Func<int, int, uint> read)
{
    private const uint Virtio = 0x1af4;
    private const uint VirtioId = 23;
    private const int FirstCapability = 0x40;
    private const int Size = 0x100;
    private const int CapabilitiesPointer = 0x34;
    private const int VendorSpecific = 0x09;
    private const int Msix = 0x11;
    private const int PlainLength = 16;
    private const int SharedMemory = 8;
    private const int VendorData = 9;

    // Where bar and id are. Reserved bytes follow them (section 4.1.4), as others may follow all fields: nothing is said of what those read.
    private const int PlaceOfStructure = 4;
    private const uint BarAndId = 0xffff;

    // Up to queue_reset, which RING_RESET needs.
    private const uint LeastCommon = 0x3c;
    private const uint LeastLegacy = 24 + LeastDevice;
    private const uint LeastDevice = Guest.Wire.IommuConfig.BypassOffset + 1;

    private readonly ulong[] _used = new ulong[Size / 64];
    private readonly bool[] _has = new bool[6];

    // What read-only fields of capabilities were when they were seen first.
    private readonly uint?[] _known = new uint?[Size / 4];

    /// <summary>Reads all of it.</summary>
    public void LookOver()
    {
        Array.Clear(_used);
        Array.Clear(_has);
        LookAtIdentity();
        bool isNew = !structures.AreFound;
        uint regions = 0;
        for (int at = (int)read(CapabilitiesPointer, 1) & 0xfc; at != 0; at = (int)read(at + 1, 1) & 0xfc)
        {
            if (at < FirstCapability) Broken.Rule("PCI-GEN-D-01", "capabilities", $"a capability is at 0x{at:x}, in the header");
            int id = (int)read(at, 1);
            if (id == Msix)
            {
                Take(at, 12);
                if (isNew) structures.AddMsix(at, (int)(read(at + 2, 2) & 0x7ff) + 1);
                if ((read(at + 2, 2) & 0x7ff) == 0) Broken.Rule("PCI-MSIX-D-01", "", "there is a single MSI-X vector");
            }
            else if (id == VendorSpecific)
            {
                LookAtVirtio(at, isNew, ref regions);
            }
            else
            {
                Take(at, 2);
            }
        }

        Require(PciStructures.Common, "PCI-COMMON-D-02");
        Require(PciStructures.Notify, "PCI-NOTIFY-D-01");
        Require(PciStructures.Isr, "PCI-ISR-D-01");
        Require(PciStructures.Device, "PCI-DEVCFG-D-01");
        Require(PciStructures.Window, "PCI-CFGACC-D-01");
    }

    private void LookAtIdentity()
    {
        uint ids = read(0, 4);
        if ((ids & 0xffff) != Virtio || read(0, 2) != Virtio) Broken.Rule("PCI-DISC-D-02", "", $"the vendor ID is 0x{ids & 0xffff:x}");
        uint id = ids >> 16;
        uint revision = read(8, 1);
        uint subsystem = read(0x2e, 2);
        if (isTransitional)
        {
            if (id is < 0x1000 or > 0x103f || read(2, 2) != id) Broken.Rule("LEGACY-PCIDISC-D-03", "", $"a transitional device has ID 0x{id:x}");
            if (barSizes[0] != 0 && barSizes[0] < LeastLegacy) Broken.Rule("LEGACY-PCI-D-01", "", $"the legacy structure is in a BAR of {barSizes[0]} bytes");
            if (revision != 0) Broken.Rule("LEGACY-PCIDISC-D-01", "", $"a transitional device has revision {revision}");
            if (subsystem != VirtioId) Broken.Rule("LEGACY-PCIDISC-D-02", "", $"a transitional device has subsystem ID 0x{subsystem:x}");
            return;
        }

        if (id != 0x1040 + VirtioId || read(2, 2) != id) Broken.Rule("PCI-DISC-D-03", "", $"the device ID is 0x{id:x}");
        if (revision == 0) Broken.Rule("PCI-DISC-D-06", "", "the revision ID is 0");
        if (subsystem < 0x40) Broken.Rule("PCI-DISC-D-07", "", $"the subsystem ID is 0x{subsystem:x}");
    }

    private void LookAtVirtio(int at, bool isNew, ref uint regions)
    {
        int length = (int)read(at + 2, 1);
        int type = (int)read(at + 3, 1);
        if (type == VendorData)
        {
            Take(at, Math.Max(length, 4));
            if (length % 4 != 0) Broken.Rule("PCI-VENDOR-D-05", "", $"vendor data has {length} bytes");
            if (read(at + 4, 2) == Virtio) Broken.Rule("PCI-VENDOR-D-04", "", "vendor data is of virtio");
            for (int offset = 4; offset + 4 <= length; offset += 4) read(at + offset, 4);
            return;
        }

        Take(at, Math.Max(length, 2));
        if (type is 0 or (> PciStructures.Window and not SharedMemory)) return;
        int least = type switch { PciStructures.Notify or PciStructures.Window => PlainLength + 4, SharedMemory => PlainLength + 8, _ => PlainLength };
        if (length < least) Broken.Rule("PCI-CAP-D-04", $"type {type}", $"a capability of type {type} has {length} bytes");
        int bar = (int)read(at + 4, 1);
        uint id = read(at + 5, 1);
        uint offset32 = read(at + 8, 4);
        uint length32 = read(at + 12, 4);
        if (type == PciStructures.Window)
        {
            _has[type] = true;
            if (isNew) structures.Add(type, at, bar, default, 0);
            return;
        }

        // Section 4.1.4: other BARs are reserved, and such a capability is to be ignored.
        if (bar > 5) return;
        for (int field = 0; field < least; field += 4) RequireSame(at + field, field == PlaceOfStructure ? BarAndId : uint.MaxValue);
        ulong start = offset32;
        ulong extent = length32;
        if (type == SharedMemory)
        {
            start |= (ulong)read(at + 16, 4) << 32;
            extent |= (ulong)read(at + 20, 4) << 32;
            if ((regions & (1u << (int)(id & 31))) != 0 && id < 32) Broken.Rule("PCI-SHM-D-02", "", $"two shared memory regions have id {id}");
            regions |= id < 32 ? 1u << (int)id : 0;
        }

        bool isInside = barSizes[bar] == 0 || (start <= barSizes[bar] && extent <= barSizes[bar] - start);
        if (!isInside) Broken.Rule(type == SharedMemory ? "PCI-SHM-D-01" : "DESC-PCI-05", $"type {type}", $"a structure of type {type} reaches beyond BAR {bar}, by 0x{start:x} and 0x{extent:x}");
        if (type == SharedMemory) return;
        _has[type] = true;
        int multiplier = type == PciStructures.Notify ? (int)read(at + 16, 4) : 0;
        LookAtStructure(type, offset32, length32, (uint)multiplier);
        if (isNew) structures.Add(type, at, bar, new((int)offset32, (int)length32), multiplier);
    }

    private static void LookAtStructure(int type, uint offset, uint length, uint multiplier)
    {
        switch (type)
        {
            case PciStructures.Common:
                if (offset % 4 != 0) Broken.Rule("PCI-COMMON-D-01", "", $"a common configuration is at 0x{offset:x}");
                if (length < LeastCommon) Broken.Rule("DESC-PCI-05", "common", $"a common configuration has 0x{length:x} bytes");
                break;
            case PciStructures.Device:
                if (offset % 4 != 0) Broken.Rule("PCI-DEVCFG-D-02", "", $"a device configuration is at 0x{offset:x}");
                if (length < LeastDevice) Broken.Rule("DESC-PCI-05", "device", $"a device configuration has 0x{length:x} bytes");
                break;
            case PciStructures.Isr:
                if (length < 1) Broken.Rule("DESC-PCI-05", "isr", "an ISR status has no byte");
                break;
            // NOTIFICATION_DATA is on offer.
            default:
                if (offset % 4 != 0) Broken.Rule("PCI-NOTIFY-D-08", "", $"a notification structure is at 0x{offset:x}");
                if (multiplier != 0 && (multiplier % 4 != 0 || !uint.IsPow2(multiplier))) Broken.Rule("PCI-NOTIFY-D-07", "", $"queue_notify_off is multiplied by {multiplier}");
                if (length < 4) Broken.Rule("PCI-NOTIFY-D-09", "", $"a notification structure has {length} bytes");
                break;
        }
    }

    private void RequireSame(int at, uint defined)
    {
        ref uint? known = ref _known[at / 4];
        uint value = read(at, 4) & defined;
        if (known is { } before && before != value) Broken.Rule("DESC-PCI-06", $"0x{at:x}", $"0x{value:x} is read at 0x{at:x} of configuration space, which was 0x{before:x} and is read-only");
        known = value;
    }

    private void Require(int type, string rule)
    {
        if (!_has[type]) Broken.Rule(rule, "", $"there is no capability of type {type}");
    }

    // Two capabilities share no byte, which a list that loops would have them do.
    private void Take(int at, int length)
    {
        if (at + length > Size) Broken.Rule("PCI-GEN-D-01", "capabilities", $"a capability at 0x{at:x} has {length} bytes");
        for (int i = at; i < at + length; i++)
        {
            if ((_used[i / 64] >> (i % 64) & 1) != 0) Broken.Rule("PCI-GEN-D-01", "capabilities", $"two capabilities share 0x{i:x}");
            _used[i / 64] |= 1UL << (i % 64);
        }
    }
}
