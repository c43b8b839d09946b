using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>4.1.5.1.2 MSI-X Vector Configuration.</summary>
internal static class MsixVectorsChecks
{
    private const int EntrySize = 16;

    [Check("PCI-MSIX-D-01",
        Does = "Reads Table Size of the MSI-X capability.",
        Reading = "2 vectors or more; the field cannot say more than 0x800. N/A where the device has no MSI-X.")]
    internal static void There_are_2_vectors_or_more(CheckContext check)
    {
        var function = check.Pci.Function;
        var count = MessageVectors.CountOf(function, MessageVectors.CapabilityOf(function));
        That(count >= 2, "2 MSI-X vectors or more", $"{count}");
        check.Note = $"{count} vectors";
    }

    [Check("PCI-MSIX-D-02",
        Does = "Writes different addresses and data to MSI-X table entries, among them the first and the last that Table Size counts, and reads them all back.",
        Reading = "Each entry reads back what was written to it, and the table lies inside its BAR. N/A where the device has no MSI-X.")]
    internal static void The_table_has_as_many_entries_as_Table_Size_says(CheckContext check)
    {
        var function = check.Pci.Function;
        var capability = MessageVectors.CapabilityOf(function);
        var (count, table) = (MessageVectors.CountOf(function, capability), MessageVectors.TableOf(function, capability));
        var location = function.Read(capability + 4, 4);
        That((location & ~7UL) + EntrySize * (ulong)count <= function.BarSize((int)location & 7), $"a table of {count} entries inside BAR {location & 7}",
            $"it starts at 0x{location & ~7u:x} of 0x{function.BarSize((int)location & 7):x} bytes");
        var entries = count <= 64 ? [.. Enumerable.Range(0, count)] : new SortedSet<int>([0, 1, count - 2, count - 1, .. Enumerable.Range(0, 32).Select(_ => check.Random.Next(count))]);
        foreach (var entry in entries)
        {
            foreach (var (field, value) in Content(entry)) check.Machine.Target.MmioWrite(table + EntrySize * (uint)entry + field, 4, value);
        }
        foreach (var entry in entries)
        {
            foreach (var (field, value) in Content(entry))
            {
                var read = check.Machine.Target.MmioRead(table + EntrySize * (uint)entry + field, 4);
                That(read == value, $"0x{value:x} at offset {field} of MSI-X table entry {entry} of {count}, as written", $"0x{read:x}");
            }
        }

        static (uint Field, uint Value)[] Content(int entry) => [(0, 0xfee0_0000 + 16 * (uint)entry), (4, 0), (8, 0x4000 + (uint)entry)];
    }

    [Check("PCI-MSIX-D-04",
        Does = "Maps the request queue to a vector, and nothing else to any, and has a request served; for a sample of the vectors.",
        Reading = "A message of that vector comes, and no other. A vector that the device does not map, which it may be unable to, is judged by PCI-MSIX-D-08.")]
    internal static void A_used_buffer_notifies_by_the_vector_that_its_queue_is_mapped_to(CheckContext check)
    {
        var pci = check.Pci;
        using var vectors = MessageVectors.Route(check, pci);
        foreach (var vector in vectors.Sample(check.Random))
        {
            var mapped = false;
            var driver = vectors.Start(check, () => mapped = TryMap(pci, IommuDriver.RequestQueueNumber, vector));
            if (!mapped) continue;
            vectors.Take();
            Knock.GivenServed(check, driver);
            IsHeard(vectors, vector, "used buffer");
        }
    }

    [Check("PCI-MSIX-D-04",
        Does = "Maps configuration changes to a vector, and nothing else to any, and has the configuration change, or DEVICE_NEEDS_RESET be set; for a sample of the vectors.",
        Reading = "A message of that vector comes, and no other. A vector that the device does not map, which it may be unable to, is judged by PCI-MSIX-D-08. N/A where neither "
            + "can be brought about.")]
    internal static void A_configuration_change_notifies_by_the_vector_that_it_is_mapped_to(CheckContext check)
    {
        var pci = check.Pci;
        using var vectors = MessageVectors.Route(check, pci);
        foreach (var vector in vectors.Sample(check.Random))
        {
            var mapped = false;
            var cause = ConfigurationChange.Cause(check, () =>
            {
                var driver = vectors.Start(check, () => mapped = TryMap(pci, null, vector));
                vectors.Take();
                return driver;
            });
            if (mapped) IsHeard(vectors, vector, cause);
        }
    }

    [Check("PCI-MSIX-D-04",
        Does = "Maps every event to one and the same vector, and has a request served, and then the configuration change, or DEVICE_NEEDS_RESET be set.",
        Reading = "A message of that vector comes each time: any event can have any vector, also one that another has. N/A where the device does not map them all, or neither "
            + "can be brought about.")]
    internal static void All_events_can_share_a_vector(CheckContext check)
    {
        var pci = check.Pci;
        using var vectors = MessageVectors.Route(check, pci);
        var cause = ConfigurationChange.Cause(check, () =>
        {
            var mapped = true;
            var driver = vectors.Start(check, () =>
            {
                foreach (var selected in Events(pci)) mapped &= TryMap(pci, selected, 0);
            });
            if (!mapped) throw new NotApplicableException("the device does not map every event to vector 0");
            vectors.Take();
            Knock.GivenServed(check, driver);
            IsHeard(vectors, 0, "used buffer");
            return driver;
        });
        IsHeard(vectors, 0, cause);
    }

    [Check("PCI-MSIX-D-05",
        Does = "Maps every event to a vector, and unmaps it by NO_VECTOR, with MSI-X enabled.",
        Reading = "Each register reads NO_VECTOR after.")]
    internal static void Any_event_can_be_unmapped(CheckContext check)
    {
        var pci = check.Pci;
        using var vectors = MessageVectors.Route(check, pci);
        vectors.Start(check, () =>
        {
            foreach (var selected in Events(pci))
            {
                TryMap(pci, selected, 0);
                Write(pci, selected, MsixTable.NoVector);
                var vector = Read(pci, selected);
                That(vector == MsixTable.NoVector, $"NO_VECTOR as the vector of {Name(selected)} once it is unmapped", $"0x{vector:x}");
            }
        });
    }

    [Check("PCI-MSIX-D-06",
        Does = "Maps each event to another vector, as far as there are enough, and reads all of them after; then unmaps one of them.",
        Reading = "Each register reads its own vector, or NO_VECTOR where the device could not map it, whatever was selected or mapped in between.")]
    internal static void The_vector_registers_read_back_what_is_mapped(CheckContext check)
    {
        var pci = check.Pci;
        using var vectors = MessageVectors.Route(check, pci);
        vectors.Start(check, () =>
        {
            var events = Events(pci);
            var mapped = new Dictionary<int, ulong>();
            for (var i = 0; i < events.Length; i++) mapped[i] = TryMap(pci, events[i], i % vectors.Count) ? (ulong)(i % vectors.Count) : MsixTable.NoVector;
            ReadBack();
            Write(pci, events[^1], MsixTable.NoVector);
            mapped[events.Length - 1] = MsixTable.NoVector;
            ReadBack();

            void ReadBack()
            {
                foreach (var i in (int[])[.. mapped.Keys, .. mapped.Keys.Reverse()])
                {
                    var vector = Read(pci, events[i]);
                    That(vector == mapped[i], $"0x{mapped[i]:x} as the vector of {Name(events[i])}", $"0x{vector:x}");
                }
            }
        });
    }

    [Check("PCI-MSIX-D-07",
        Does = "Maps every event to a vector, resets the device, and reads the vectors.",
        Reading = "NO_VECTOR for each.")]
    internal static void Every_event_is_unmapped_after_a_reset(CheckContext check)
    {
        var pci = check.Pci;
        using var vectors = MessageVectors.Route(check, pci);
        vectors.Start(check, () =>
        {
            foreach (var selected in Events(pci)) TryMap(pci, selected, 0);
        });
        Given(check.Machine.ResetDevice(), "the status does not become 0 after a device reset");
        foreach (var selected in Events(pci))
        {
            var vector = Read(pci, selected);
            That(vector == MsixTable.NoVector, $"NO_VECTOR as the vector of {Name(selected)} after the reset", $"0x{vector:x}");
        }
    }

    [Check("PCI-MSIX-D-08",
        Does = "Maps each event, while no other is mapped, to a sample of the vectors.",
        Reading = "The register reads the vector back: with one event mapped at a time, nothing makes a mapping impossible.")]
    internal static void No_mapping_fails_that_is_possible(CheckContext check)
    {
        var pci = check.Pci;
        using var vectors = MessageVectors.Route(check, pci);
        vectors.Start(check, () =>
        {
            foreach (var selected in Events(pci))
            {
                foreach (var vector in vectors.Sample(check.Random))
                {
                    Write(pci, selected, (ushort)vector);
                    var read = Read(pci, selected);
                    That(read == (ushort)vector, $"vector {vector} of {vectors.Count} mapped to {Name(selected)}", $"0x{read:x}");
                }
                Write(pci, selected, MsixTable.NoVector);
            }
        });
    }

    [Check("PCI-MSIX-D-09",
        Does = "Maps events to vectors beyond the table, having mapped them to one inside it.",
        Reading = "The register reads NO_VECTOR: that mapping has failed. A driver must not try it, but that is how a failure shows.")]
    internal static void A_mapping_beyond_the_table_reads_back_as_NO_VECTOR(CheckContext check)
    {
        var pci = check.Pci;
        using var vectors = MessageVectors.Route(check, pci);
        vectors.Start(check, () =>
        {
            foreach (var selected in Events(pci))
            {
                foreach (var beyond in (int[])[vectors.Count, vectors.Count + 1, MessageVectors.Most, 0x1000, 0x8000, 0xfffe])
                {
                    TryMap(pci, selected, 0);
                    Write(pci, selected, (ushort)beyond);
                    var vector = Read(pci, selected);
                    That(vector == MsixTable.NoVector, $"NO_VECTOR as the vector of {Name(selected)} after 0x{beyond:x} was written, of {vectors.Count} vectors", $"0x{vector:x}");
                }
                Write(pci, selected, MsixTable.NoVector);
            }
        });
    }

    [Check("PCI-UNOTIFY-D-01",
        Does = "Has requests served with MSI-X enabled and the request queue unmapped, having seen that mapped it notifies.",
        Reading = "No message of any vector comes, and no INTx is asserted in its place.")]
    internal static void A_queue_without_a_vector_interrupts_nobody(CheckContext check)
    {
        var pci = check.Pci;
        using var vectors = MessageVectors.Route(check, pci);
        Knock.GivenServed(check, vectors.Start(check, () => Given(TryMap(pci, IommuDriver.RequestQueueNumber, 0), "the device does not map the request queue to vector 0")));
        Given(vectors.Await(0).Contains(0), "no message of vector 0 comes for a request that came back");
        var driver = vectors.Start(check, () => TryMap(pci, null, vectors.Count - 1));
        vectors.Take();
        for (var i = 0; i < 3; i++) Knock.GivenServed(check, driver);
        IsSilent(check, vectors, "of a queue that is mapped to no vector");
    }

    [Check("PCI-CNOTIFY-D-02",
        Does = "Has the configuration change, or DEVICE_NEEDS_RESET be set, with MSI-X enabled and no event mapped, having seen that mapped it notifies.",
        Reading = "No message of any vector comes, and no INTx is asserted in its place. N/A where neither can be brought about.")]
    internal static void A_configuration_change_without_a_vector_interrupts_nobody(CheckContext check)
    {
        var pci = check.Pci;
        using var vectors = MessageVectors.Route(check, pci);
        ConfigurationChange.Cause(check, () => vectors.Start(check, () => Given(TryMap(pci, null, 0), "the device does not map configuration changes to vector 0")));
        Given(vectors.Await(0).Contains(0), "no message of vector 0 comes of a configuration change");
        var cause = ConfigurationChange.Cause(check, () =>
        {
            var driver = vectors.Start(check, () => { });
            vectors.Take();
            return driver;
        });
        IsSilent(check, vectors, $"of {cause}, which is mapped to no vector");
    }

    // A queue's number; null for configuration changes.
    private static int?[] Events(PciTransport pci) => [null, .. pci.Queues().Cast<int?>()];

    private static string Name(int? selected) => selected is { } queue ? $"queue {queue}" : "configuration changes";

    private static bool TryMap(PciTransport pci, int? selected, int vector)
    {
        Write(pci, selected, (ushort)vector);
        return Read(pci, selected) == (ushort)vector;
    }

    private static void Write(PciTransport pci, int? selected, ushort vector)
    {
        if (selected is { } queue) pci.Set(queue, CommonField.QueueMsixVector, vector);
        else pci.WriteCommon(CommonField.ConfigMsixVector, vector);
    }

    private static ulong Read(PciTransport pci, int? selected) =>
        selected is { } queue ? pci.Of(queue, CommonField.QueueMsixVector) : pci.ReadCommon(CommonField.ConfigMsixVector);

    private static void IsHeard(MessageVectors vectors, int vector, string cause)
    {
        var heard = vectors.Await(vector);
        That(heard.Count == 1 && heard[0] == vector, $"{MessageVectors.Describe([vector])}, which the {cause} is mapped to, and no other", MessageVectors.Describe(heard));
    }

    private static void IsSilent(CheckContext check, MessageVectors vectors, string what)
    {
        check.Machine.Target.Settle();
        var heard = vectors.Take();
        That(heard.Count == 0, $"no message {what}", MessageVectors.Describe(heard));
        That(!check.Pci.Function.InterruptPending && check.Machine.Target.InterruptLine is not true, $"no INTx {what}", "an INTx interrupt is pending");
    }
}
