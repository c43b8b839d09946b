using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Transport;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>4.1.4.10 Legacy Interfaces: A Note on PCI Device Layout, and 4.1.5.1.3.1, where they speak without keywords.</summary>
internal static class LegacyLayoutChecks
{
    private const int PageSize = 4096;

    [Check("DESC-PCI-03",
        Does = "Reads and writes every field of the legacy header by its offset and width.",
        Reading = "Features at 0, accepted features at 4, queue address at 8, queue size at 12, queue select at 14, device status at 18, ISR status at 19: each writable field reads back "
            + "what was written, each queue has its own address, and a queue that does not exist has size 0.")]
    internal static void The_fields_of_the_legacy_header_are_where_the_table_says(CheckContext check)
    {
        var (target, io) = Header(check);
        Reads(0, 4, (uint)check.Initial.OfferedFeatures, "Device Features");
        WritesBack(18, 1, 1, "Device Status");
        WritesBack(18, 1, 3, "Device Status");
        WritesBack(4, 4, (uint)check.Acceptable(0), "Driver Features");
        foreach (var queue in (uint[])[1, 0])
        {
            WritesBack(14, 2, queue, "queue_select");
            var size = target.IoRead((ushort)(io + 12), 2);
            That(size != 0 && (size & (size - 1)) == 0, $"a power of two as queue_size, at 12, of queue {queue}", $"{size}");
            WritesBack(8, 4, 0x200 + queue, "Queue Address");
        }
        WritesBack(14, 2, 1, "queue_select");
        Reads(8, 4, 0x201, "Queue Address of queue 1");
        WritesBack(14, 2, 0x40, "queue_select");
        Reads(12, 2, 0, "queue_size of queue 0x40");
        Reads(19, 1, 0, "ISR Status");

        void WritesBack(int at, int width, uint value, string name)
        {
            target.IoWrite((ushort)(io + at), width, value);
            Reads(at, width, value, name);
        }

        void Reads(int at, int width, uint expected, string name)
        {
            var read = target.IoRead((ushort)(io + at), width);
            That(read == expected, $"0x{expected:x} in {name}, {width} bytes at {at}", $"0x{read:x}");
        }
    }

    [Check("DESC-PCI-04",
        Does = "Places the request queue at the top of guest memory through the legacy interface, and sends a request.",
        Reading = "It is served: the queue is at Queue Address times 4096. Every check on a legacy interface places queues so, low in memory.")]
    internal static void A_queue_is_at_Queue_Address_times_4096(CheckContext check)
    {
        var (target, _) = Header(check);
        var room = target.Ram.Window.Last - target.Ram.Window.First + 1;
        check.Machine.Heap.Allocate(room - room / 8, PageSize);
        var driver = check.Start();
        var request = Knock.MakeAvailableAndNotify(check, driver);
        var served = check.Machine.Await(() => driver.Requests.TryTakeUsed(out var used) && used.Id == request.Chain);
        That(served, $"a request served by the queue at 0x{driver.Requests.Addresses.Descriptors:x}, Queue Address 0x{driver.Requests.Addresses.Descriptors / PageSize:x}", "it is not");
    }

    private static (Guest.Targets.ITarget Target, ushort Io) Header(CheckContext check) => check.Machine.Transport is TransitionalPciTransport legacy
        ? (check.Machine.Target, legacy.Function.IoBarAddress(0)!.Value)
        : throw new NotApplicableException("the run does not use the legacy interface of PCI");
}
