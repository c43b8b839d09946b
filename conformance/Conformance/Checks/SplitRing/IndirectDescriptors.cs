using Viommu.Conformance.Checks.Core;
using Viommu.Conformance.Checks.Rings;
using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.SplitRing;

/// <summary>2.7.5.3 Indirect Descriptors.</summary>
internal static class IndirectDescriptorsChecks
{
    [Check("SPLIT-INDIRECT-D-01",
        Does = "Sends a request in an indirect table to which a descriptor with the WRITE flag refers.",
        Reading = "It is answered as without the flag. N/A without INDIRECT_DESC.")]
    internal static void The_WRITE_flag_of_a_descriptor_that_refers_to_a_table_is_ignored(CheckContext check)
    {
        var driver = Start(check);
        var queue = Split(driver.Requests);
        var plain = driver.Send(Knock.On(check), new Framing([], [], Indirect: 2));
        Given(plain.Status is not null, $"{plain.Request} in an indirect table was {plain.Answer}");
        var exchange = driver.MakeAvailable(Knock.On(check), new Framing([], [], Indirect: 2));
        var outer = queue.ReadDescriptor(exchange.Chain);
        queue.WriteDescriptor(exchange.Chain, outer with { Flags = outer.Flags | DescriptorFlags.Write });
        driver.NotifyRequests();
        driver.Collect();
        That(exchange.Status == plain.Status, $"{exchange.Request} answered as without the flag: {plain.Answer}", exchange.Answer);
    }

    [Check("SPLIT-INDIRECT-D-02",
        Does = "Sends requests of five buffers with the last one to four of them in an indirect table, behind the others as direct descriptors.",
        Reading = "They are answered as in direct descriptors alone. N/A without INDIRECT_DESC.")]
    internal static void Direct_descriptors_followed_by_an_indirect_one_are_one_chain(CheckContext check)
    {
        var driver = Start(check);
        Split(driver.Requests);
        Cuts.IntoTable(check, driver, 1, 2, 3, 4);
    }

    [Check("SPLIT-INDIRECT-D-02",
        Does = "Sends requests of five buffers, all of them in an indirect table.",
        Reading = "They are answered as in direct descriptors. N/A without INDIRECT_DESC.")]
    internal static void A_single_indirect_descriptor_is_a_chain(CheckContext check)
    {
        var driver = Start(check);
        Split(driver.Requests);
        Cuts.IntoTable(check, driver, 5);
    }

    [Check("DESC-SPLIT-04",
        Does = "Sends a request in an indirect table whose descriptors lie in another order than the chain takes, with one that the chain does not reach in between.",
        Reading = "It is answered as from a table in order. With IN_ORDER a driver could not send it. N/A without INDIRECT_DESC.")]
    internal static void An_indirect_table_is_followed_by_next_from_its_first_descriptor(CheckContext check)
    {
        var driver = Start(check);
        var queue = Split(driver.Requests);
        RequiresDescriptors(queue, 3);
        var plain = driver.Send(Knock.On(check), new Framing([4], [], Indirect: 3));
        Given(plain.Status is not null, $"{plain.Request} in an indirect table was {plain.Answer}");

        var lending = new Lending(driver);
        var request = Knock.On(check);
        var (sent, tail, table) = (lending.Readable(request), lending.Lent(Request.TailSize), lending.Readable(5 * Descriptor.Size));
        queue.WriteDescriptor(table, 0, new Descriptor(sent, 4, DescriptorFlags.Next, 3));
        queue.WriteDescriptor(table, 1, new Descriptor(tail, Request.TailSize, DescriptorFlags.Write, 0));
        queue.WriteDescriptor(table, 3, new Descriptor(sent + 4, (uint)request.Encode().Length - 4, DescriptorFlags.Next, 1));
        var slot = queue.TakeSlots(1)[0];
        queue.WriteDescriptor(slot, new Descriptor(table, 5 * Descriptor.Size, DescriptorFlags.Indirect, 0));
        var at = queue.ReadUsedIndex();
        queue.MakeAvailable(slot);
        driver.NotifyRequests();
        That(check.Machine.Await(() => queue.ReadUsedIndex() != at), $"{request} answered from a table of entries 0, 3 and 1", "it does not come back");
        Span<byte> status = stackalloc byte[1];
        check.Machine.Target.Ram.Read(tail, status);
        var length = queue.ReadUsedElement(at).Length;
        That(length > 0 && status[0] == (byte?)plain.Status, $"{request} answered as from a table in order: {plain.Answer}", $"status 0x{status[0]:x2}, used length {length}");
    }

    private static IommuDriver Start(CheckContext check)
    {
        check.Requires(Features.IndirectDesc);
        return check.Start();
    }
}
