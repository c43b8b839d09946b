using System.Numerics;
using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Pci;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>4.1 Virtio Over PCI Bus: what the PCI specification asks of any function, as far as a virtio driver relies on it.</summary>
internal static class PciInterfaceChecks
{
    private const int StatusAt = 0x06;
    private const int HeaderTypeAt = 0x0e;
    private const int FirstBarAt = 0x10;
    private const int CapabilitiesPointerAt = 0x34;
    private const int ConfigurationSize = 0x100;
    private const int HeaderSize = 0x40;
    private const uint CapabilitiesList = 1 << 4;

    [Check("PCI-GEN-D-01",
        Does = "Walks the capability list by its links.",
        Reading = "The status register says that there is a list (PCI 3.0, 6.2.3), each link is a multiple of four behind the header (6.7), no link leads back, and no "
            + "capability of virtio or of MSI-X reaches into the next one.")]
    internal static void The_capability_list_ends_and_its_entries_lie_apart(CheckContext check)
    {
        var function = check.Pci.Function;
        That((function.Read(HeaderTypeAt, 1) & 0x7f) == 0, "a header of type 0", $"header type 0x{function.Read(HeaderTypeAt, 1):x2}");
        That((function.Read(StatusAt, 2) & CapabilitiesList) != 0, "the Capabilities List bit set in the status register", $"status 0x{function.Read(StatusAt, 2):x4}");
        var taken = new Dictionary<int, int>();
        var link = CapabilitiesPointerAt;
        for (var at = (int)function.Read(link, 1); at != 0; at = (int)function.Read(link, 1))
        {
            That((at & 3) == 0 && at >= HeaderSize, $"a multiple of 4 from 0x40 on, or 0, as the link at 0x{link:x2}", $"0x{at:x2}");
            That(!taken.ContainsKey(at), "a list that ends", $"the link at 0x{link:x2} leads back to 0x{at:x2}");
            taken[at] = LengthOf(function, at);
            link = at + 1;
        }
        foreach (var (at, length) in taken)
        {
            var end = at + length;
            That(end <= ConfigurationSize, $"the capability at 0x{at:x2} inside configuration space", $"it is {length} bytes long");
            var hit = taken.Keys.Where(other => other > at && other < end).Select(other => $"; the one at 0x{other:x2} starts inside").FirstOrDefault();
            That(hit is null, "capabilities that lie apart", $"the capability at 0x{at:x2} is {length} bytes long{hit}");
        }
    }

    [Check("PCI-GEN-D-01",
        Does = "Writes all ones to each BAR with decoding disabled, reads it, and writes the address back.",
        Reading = "The bits that stick make up a size that is a power of two of 16 bytes or more (4 in I/O space), the type bits are none of the reserved ones, and the "
            + "address reads back (PCI 3.0, 6.2.5.1).")]
    internal static void Each_BAR_can_be_sized_and_placed(CheckContext check)
    {
        var function = check.Pci.Function;
        var command = function.Command;
        function.Command = command & ~(PciCommand.MemorySpace | PciCommand.IoSpace);
        try
        {
            for (var bar = 0; bar < 6; bar++)
            {
                var low = FirstBarAt + 4 * bar;
                var (probed, kind) = (Probe(function, low), function.Read(low, 4) & 0xf);
                if ((kind & 1) != 0)
                {
                    // The upper half of an I/O BAR may be hardwired to zero.
                    RequirePowerOfTwo(bar, ((ulong)probed & ~3UL) | 0xffff_ffff_ffff_0000, 4);
                    continue;
                }
                if (probed == 0) continue;
                That((kind & 6) is 0 or 4, $"BAR {bar} of 32 or 64 bits", $"type bits 0x{kind:x}");
                var mask = ((ulong)probed & ~0xfUL) | 0xffff_ffff_0000_0000;
                if ((kind & 6) == 4)
                {
                    That(bar < 5, "the upper half of a 64-bit BAR in the register behind", "BAR 5 is one of 64 bits");
                    mask = ((ulong)probed & ~0xfUL) | (ulong)Probe(function, low + 4) << 32;
                }
                RequirePowerOfTwo(bar, mask, 16);
                if ((kind & 6) == 4) bar++;
            }
        }
        finally
        {
            function.Command = command;
        }
    }

    [Check("PCI-GEN-D-01",
        Does = "Writes other values to the identifying fields of the header.",
        Reading = "They are read-only (PCI 3.0, 6.2.1, 6.2.4): IDs, revision, class code, header type and interrupt pin stay as they are.")]
    internal static void The_identifying_fields_of_the_header_are_read_only(CheckContext check)
    {
        var function = check.Pci.Function;
        foreach (var (name, at, width) in ((string, int, int)[])[
            ("vendor ID", 0x00, 2), ("device ID", 0x02, 2), ("revision ID", 0x08, 1), ("class code", 0x09, 1), ("class code", 0x0a, 2), ("header type", HeaderTypeAt, 1),
            ("subsystem vendor ID", 0x2c, 2), ("subsystem ID", 0x2e, 2), ("interrupt pin", 0x3d, 1)])
        {
            var before = function.Read(at, width);
            function.Write(at, width, ~before & (width == 1 ? 0xffu : 0xffffu));
            var after = function.Read(at, width);
            function.Write(at, width, before);
            That(after == before, $"the {name} at 0x{at:x2} still 0x{before:x} after a write", $"0x{after:x}");
        }
    }

    [Check("PCI-GEN-D-01",
        Does = "Clears Memory Space Enable, writes the device status where it was, and sets the bit again.",
        Reading = "The write does not reach the device (PCI 3.0, 6.2.2).")]
    internal static void Registers_in_memory_are_out_of_reach_without_Memory_Space_Enable(CheckContext check)
    {
        var pci = check.Pci;
        pci.WriteStatus(DeviceStatus.Acknowledge);
        Given(pci.ReadStatus() == DeviceStatus.Acknowledge, "the status does not take ACKNOWLEDGE");
        var command = pci.Function.Command;
        pci.Function.Command = command & ~PciCommand.MemorySpace;
        pci.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver);
        pci.Function.Command = command;
        var status = pci.ReadStatus();
        That(status == DeviceStatus.Acknowledge, "status 0x01, as before the write without Memory Space Enable", $"status 0x{(byte)status:x2}");
    }

    [Check("PCI-GEN-D-01",
        Does = "Clears Bus Master Enable under a running driver, makes a request available and rings the doorbell.",
        Reading = "The device makes no access of its own (PCI 3.0, 6.2.2), so queue memory and buffers stay as they are. What becomes of the request after is open.")]
    internal static void Nothing_is_written_to_memory_without_Bus_Master_Enable(CheckContext check)
    {
        var pci = check.Pci;
        var driver = check.Start();
        Knock.GivenServed(check, driver);
        var command = pci.Function.Command;
        var request = driver.MakeAvailable(Knock.On(check), Framing.Plain);
        var before = new QueueSnapshot(check.Machine, driver.Requests, request);
        pci.Function.Command = command & ~PciCommand.BusMaster;
        try
        {
            driver.NotifyRequests();
            check.Machine.Target.Settle();
            before.IsUnchanged("memory left alone without Bus Master Enable");
        }
        finally
        {
            check.Machine.ResetDevice();
            pci.Function.Command = command;
        }
    }

    [Check("PCI-GEN-D-01",
        Does = "Maps the request queue to an MSI-X vector, masks the vector, has a request served, and unmasks it.",
        Reading = "No message comes while the vector is masked, and the one that is pending comes once it is not (PCI 3.0, 6.8.3.4).")]
    internal static void A_masked_vector_keeps_its_message_until_it_is_unmasked(CheckContext check)
    {
        var pci = check.Pci;
        using var vectors = MessageVectors.Route(check, pci);
        var vector = vectors.Count - 1;
        var driver = vectors.Start(check, () => Map(pci, vectors, vector));
        Knock.GivenServed(check, driver);
        Given(vectors.Await(vector).Contains(vector), $"no message of vector {vector} comes for a request that came back");
        vectors.Mask(vector, true);
        Knock.GivenServed(check, driver);
        check.Machine.Target.Settle();
        var heard = vectors.Take();
        That(heard.Count == 0, $"no message while vector {vector} is masked", MessageVectors.Describe(heard));
        vectors.Mask(vector, false);
        heard = vectors.Await(vector);
        That(heard.Contains(vector), $"the message of vector {vector} once it is unmasked", MessageVectors.Describe(heard));
    }

    private static void Map(PciTransport pci, MessageVectors vectors, int vector)
    {
        pci.Set(IommuDriver.RequestQueueNumber, CommonField.QueueMsixVector, (ushort)vector);
        if (pci.ReadCommon(CommonField.QueueMsixVector) != (ushort)vector) throw new NotApplicableException($"the device does not map the request queue to vector {vector} of {vectors.Count}");
    }

    private static int LengthOf(PciFunction function, int at) => (byte)function.Read(at, 1) switch
    {
        PciCapability.VendorSpecific => Math.Max(2, (int)function.Read(at + 2, 1)),
        PciCapability.MsiX => 12,
        _ => 2,
    };

    private static uint Probe(PciFunction function, int at)
    {
        var address = function.Read(at, 4);
        function.Write(at, 4, uint.MaxValue);
        var probed = function.Read(at, 4);
        function.Write(at, 4, address);
        var back = function.Read(at, 4);
        That(back == address, $"0x{address:x8} back in the BAR register at 0x{at:x2}", $"0x{back:x8}");
        return probed;
    }

    private static void RequirePowerOfTwo(int bar, ulong mask, ulong least)
    {
        var size = unchecked(~mask + 1);
        That(BitOperations.IsPow2(size) && size >= least, $"a size of BAR {bar} that is a power of two, {least} or more", $"address bits 0x{mask:x}");
    }
}
