using Viommu.Conformance.Checks.Core;
using Viommu.Conformance.Checks.Rings;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.PackedRing;

/// <summary>2.8.7 Indirect Flag: Scatter-Gather Support.</summary>
internal static class IndirectDescriptorsChecks
{
    [Check("DESC-PACKED-06",
        Does = "Sends requests of five buffers in indirect tables.",
        Reading = "They are answered as in direct descriptors: a table is a list in its own order. N/A without INDIRECT_DESC.")]
    internal static void An_indirect_table_is_a_list_in_its_own_order(CheckContext check)
    {
        check.Requires(Features.IndirectDesc);
        var driver = check.Start();
        Packed(driver.Requests);
        Cuts.IntoTable(check, driver, 5);
    }

    [Check("DESC-PACKED-06",
        Does = "Sends a request in indirect tables whose entries have NEXT, AVAIL and USED flags, and Buffer IDs, at random.",
        Reading = "It is answered as with those zero: in a table WRITE alone means something. N/A without INDIRECT_DESC.")]
    internal static void Flags_other_than_WRITE_and_IDs_in_an_indirect_table_are_ignored(CheckContext check)
    {
        // Without INDIRECT: whether a table inside a table is one of the flags to ignore, or an error, is not for this to judge.
        DescriptorFlags[] others = [DescriptorFlags.Next, DescriptorFlags.Available, DescriptorFlags.Used, UsedMark.Both, DescriptorFlags.Next | UsedMark.Both];
        foreach (var flags in others)
            AnswersTable(check, $"with flags 0x{(ushort)flags:x4} in its entries", DescriptorFlags.Indirect, entry => entry with { Flags = entry.Flags | flags, Id = (ushort)check.Random.Next(0x10000) });
    }

    [Check("DESC-PACKED-07",
        Does = "Sends a request in an indirect table to which a descriptor with the WRITE flag refers.",
        Reading = "It is answered as without the flag. N/A without INDIRECT_DESC.")]
    internal static void The_WRITE_flag_of_a_descriptor_that_refers_to_a_table_is_ignored(CheckContext check) =>
        AnswersTable(check, "with WRITE beside INDIRECT", DescriptorFlags.Indirect | DescriptorFlags.Write, entry => entry);

    private static void AnswersTable(CheckContext check, string way, DescriptorFlags outer, Func<PackedDescriptor, PackedDescriptor> change)
    {
        check.Requires(Features.IndirectDesc);
        var driver = check.Start();
        var queue = Packed(driver.Requests);
        var plain = driver.Send(Knock.On(check), new Framing([], [], Indirect: 2));
        Given(plain.Status is not null, $"{plain.Request} in an indirect table was {plain.Answer}");

        var lending = new Lending(driver);
        var request = Knock.On(check);
        var (sent, tail, table) = (lending.Readable(request), lending.Lent(Request.TailSize), lending.Readable(2 * PackedDescriptor.Size));
        queue.WriteDescriptor(table, 0, change(new PackedDescriptor(sent, (uint)request.Encode().Length, 0, DescriptorFlags.None)));
        queue.WriteDescriptor(table, 1, change(new PackedDescriptor(tail, Request.TailSize, 0, DescriptorFlags.Write)));
        var (slot, expected) = (queue.NextSlot, UsedMark.For(queue));
        queue.MakeAvailable(new PackedDescriptor(table, 2 * PackedDescriptor.Size, 9, outer));
        driver.NotifyRequests();
        var used = default(PackedDescriptor);
        That(check.Machine.Await(() => ((used = queue.ReadDescriptor(slot)).Flags & UsedMark.Both) == expected), $"{request} answered from a table {way}", "it does not come back");
        Span<byte> status = stackalloc byte[1];
        check.Machine.Target.Ram.Read(tail, status);
        That((used.Flags & DescriptorFlags.Write) != 0 && status[0] == (byte?)plain.Status, $"{request} answered from a table {way} as from one without: {plain.Answer}", $"status 0x{status[0]:x2}, {used}");
        That(used.Id == 9, "id 9, that of the descriptor in the ring", $"id {used.Id}");
    }
}
