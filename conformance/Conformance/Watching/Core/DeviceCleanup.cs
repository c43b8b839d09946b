using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Core;

/// <summary>Device Cleanup (3.3), driver's side.</summary>
internal static class DeviceCleanup
{
    [Rule("CORE-CLEANUP-V-01", Needs = Sight.Memory,
        Does = "Looks at every write of the driver to a descriptor, of the ring or of an indirect table, that the device has.",
        Reading = "There is none between the time that a buffer is made available and the time that it is returned, or the device reset.")]
    public static void Entries_of_exposed_buffers_are_not_altered(Judge judge, Observation seen)
    {
        if (seen is LentMemoryWritten { IsRingEntry: true } written && judge.Driver.IsLive)
            judge.That(false, "no write to the descriptors of a buffer that the device has", $"{written}");
        else if (seen is ChainUsed { Chain: not null }) judge.Kept();
    }

    [Rule("CORE-CLEANUP-V-02", Needs = Sight.Memory,
        Does = "Looks for buffers that the driver takes back: an available index that moves back, or memory of a buffer given to another one while the device has it.",
        Reading = "A driver that wants its buffers back resets the device, or the queue, before.")]
    public static void Exposed_buffers_are_not_removed_from_a_live_queue(Judge judge, Observation seen)
    {
        switch (seen)
        {
            case StatusWritten { Status: DeviceStatus.None } when judge.Driver.Queues.Any(queue => queue.Outstanding.Count > 0):
                judge.Kept();
                break;
            case RingWritten { Field: RingField.AvailIndex } index when judge.Driver.IsLive && judge.Driver.Queue(index.Queue).Outstanding is [.., { Position: { } last }]:
                var back = (ushort)(last + 1 - index.Value);
                if (back is > 0 and <= 32768) judge.That(false, "no available index that takes back what the device has", $"{index}, with buffers up to {last} available");
                break;
            case ChainAvailable { Chain: var chain } when judge.Driver.IsLive:
                var taken = judge.Driver.Queues.SelectMany(queue => queue.Outstanding).FirstOrDefault(other => Share(chain, other));
                if (taken is not null) judge.That(false, "no memory in a buffer that the device has in another one", $"{chain} shares memory with {taken}");
                break;
        }
    }

    // Several buffers may be read from the same memory; what the device writes belongs to one.
    private static bool Share(Chain chain, Chain other) =>
        chain.Buffers.Any(a => other.Buffers.Any(b =>
            (a.IsWritable || b.IsWritable) && a.Descriptor is { Length: > 0 } x && b.Descriptor is { Length: > 0 } y
            && x.Address <= y.Address + (y.Length - 1) && y.Address <= x.Address + (x.Length - 1)));
}
