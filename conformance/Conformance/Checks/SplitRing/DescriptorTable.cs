using Viommu.Conformance.Checks.Rings;
using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.SplitRing;

/// <summary>2.7.5 The Virtqueue Descriptor Table.</summary>
internal static class DescriptorTableChecks
{
    [Check("SPLIT-DESC-D-01",
        Does = "Sends requests of every kind, whole and in pieces, and last one with too little room for an answer, and looks at their device-readable bytes afterwards.",
        Reading = "They are what was sent, whatever the answer.")]
    internal static void Device_readable_buffers_are_not_written(CheckContext check)
    {
        var driver = check.Start();
        Split(driver.Requests);
        Custody.ReadableBuffersStayAsTheyAre(check, driver);
    }

    [Check("SPLIT-DESC-D-02",
        Does = "Sends the same requests into device-writable buffers of zeroes, of 0xff, and of bytes that could be a request.",
        Reading = "The same answers. A device that reads such buffers without minding what it finds is not seen.")]
    internal static void What_device_writable_buffers_hold_makes_no_difference(CheckContext check)
    {
        var driver = check.Start();
        Split(driver.Requests);
        Custody.WhatWritableBuffersHoldMakesNoDifference(check, driver);
    }

    [Check("SPLIT-DESC-D-04",
        Does = "Sends requests of every kind in chains of several descriptors, and compares the whole descriptor table before and after each.",
        Reading = "Not a byte of it changes.")]
    internal static void The_descriptor_table_is_not_written(CheckContext check)
    {
        var driver = check.Start();
        var queue = Split(driver.Requests);
        foreach (var request in Conversation.Of(check, driver))
        {
            IsLeftAlone(driver, driver.MakeAvailable(request, new Framing([4, 3], [1])), queue.Addresses.Descriptors, queue.Size, "descriptor table");
        }
    }

    [Check("SPLIT-DESC-D-04",
        Does = "Sends requests of every kind in indirect tables, and compares each table before and after.",
        Reading = "Not a byte of it changes. N/A without INDIRECT_DESC.")]
    internal static void Indirect_tables_are_not_written(CheckContext check)
    {
        check.Requires(Features.IndirectDesc);
        var driver = check.Start();
        var queue = Split(driver.Requests);
        RequiresDescriptors(queue, 5);
        foreach (var request in Conversation.Of(check, driver))
        {
            var exchange = driver.MakeAvailable(request, new Framing([4, 3], [1], Indirect: 5));
            var outer = queue.ReadDescriptor(exchange.Chain);
            IsLeftAlone(driver, exchange, outer.Address, (int)outer.Length / Descriptor.Size, "indirect table");
        }
    }

    [Check("DESC-SPLIT-05",
        Does = "Sends requests of every kind in chains whose descriptors lie in the table in random order.",
        Reading = "They are answered as when their descriptors lie one after the other.")]
    internal static void A_chain_is_followed_by_next_wherever_it_leads(CheckContext check)
    {
        var driver = check.Start();
        var queue = Split(driver.Requests);
        var plain = Conversation.HoldPlainly(driver, Conversation.Of(check, driver));
        for (var round = 0; round < 8; round++)
        {
            var slots = queue.TakeSlots(queue.Size);
            check.Random.Shuffle(slots);
            queue.ReturnSlots(slots);
            Conversation.IsTheSame(driver, plain, _ => new Framing([2, 5, 4], [1]), "in scattered descriptors");
        }
    }

    private static void IsLeftAlone(IommuDriver driver, Exchange exchange, ulong table, int entries, string name)
    {
        var before = Read(driver, table, entries);
        driver.NotifyRequests();
        Given(driver.Machine.Await(() => driver.Requests.TryTakeUsed(out _)), $"{exchange.Request} does not come back");
        var changed = Read(driver, table, entries).AsSpan().CommonPrefixLength(before);
        That(changed == before.Length, $"the {name} of {exchange.Request} as it was", $"byte {changed % Descriptor.Size} of entry {changed / Descriptor.Size} changed");
    }

    private static byte[] Read(IommuDriver driver, ulong table, int entries)
    {
        var bytes = new byte[entries * Descriptor.Size];
        driver.Machine.Target.Ram.Read(table, bytes);
        return bytes;
    }
}
