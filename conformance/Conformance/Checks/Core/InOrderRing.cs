using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;

namespace Viommu.Conformance.Checks.Core;

/// <summary>
/// The places at which a device that uses buffers in order writes its used elements (2.7.9, 2.8.8), one for each chain of two
/// descriptors made available since the ring was fresh, written or not.
/// </summary>
internal abstract class InOrderRing
{
    /// <summary>The ring of a queue that nothing has been made available on; DRIVER_OK must not be set yet.</summary>
    public static InOrderRing Of(DriverQueue queue, Machine machine) => queue switch
    {
        SplitQueue split => new Split(split, machine),
        PackedQueue packed => new Packed(packed),
        _ => throw new ArgumentException($"{queue.GetType().Name} is no ring of the spec", nameof(queue)),
    };

    /// <summary>Whether the device has used all of <paramref name="chains"/> chains, as far as the driver can see from the ring alone.</summary>
    public abstract bool IsUsed(int chains);

    /// <summary>What the device wrote in the place of a chain: the id; null where it wrote nothing.</summary>
    public abstract uint? Written(int chain);

    private sealed class Split : InOrderRing
    {
        private const uint NotWritten = uint.MaxValue;
        private readonly SplitQueue queue;

        public Split(SplitQueue queue, Machine machine)
        {
            // Before DRIVER_OK the used ring is the driver's: what the device does not write can be told from what it writes.
            this.queue = queue;
            for (ushort i = 0; i < queue.Size; i++) machine.Target.Ram.Write(queue.UsedElementAddress(i), [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        }

        public override bool IsUsed(int chains) => queue.ReadUsedIndex() == chains;

        public override uint? Written(int chain) => queue.ReadUsedElement((ushort)chain).Id is var id && id == NotWritten ? null : id;
    }

    private sealed class Packed(PackedQueue queue) : InOrderRing
    {
        private const int DescriptorsOfChain = 2;
        private const DescriptorFlags Mark = DescriptorFlags.Available | DescriptorFlags.Used;

        // Everything is used once an element names the last chain: the ends of batches are named, and so is the last.
        public override bool IsUsed(int chains)
        {
            for (var chain = 0; chain < chains; chain++)
            {
                if (Written(chain) == LastIdOf(chains)) return true;
            }
            return false;
        }

        public override uint? Written(int chain)
        {
            // On the first lap a descriptor is available with AVAIL alone, and used with both.
            var descriptor = queue.ReadDescriptor(chain * DescriptorsOfChain);
            return (descriptor.Flags & Mark) == Mark ? descriptor.Id : null;
        }

        // The Buffer ID is in the last descriptor of a list, which the device overwrites only where the list has one.
        private uint LastIdOf(int chains) => queue.ReadDescriptor(chains * DescriptorsOfChain - 1).Id;
    }
}
