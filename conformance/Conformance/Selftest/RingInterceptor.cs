using System.Buffers.Binary;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;

namespace Viommu.Conformance.Selftest;

/// <summary>
/// Stands between the driver's doorbell and the request queue. All that the reference device has to do is done when a doorbell
/// returns, so what it wrote to the used ring can be changed before the driver looks.
/// </summary>
internal abstract class RingInterceptor(ITarget inner) : RegisterInterceptor(inner)
{
    /// <summary>More requests than a driver that sends one at a time, or a few, ever has available at once.</summary>
    protected const int Burst = 20;

    protected override void Notify(Doorbell doorbell)
    {
        if (doorbell.Queue == IommuDriver.RequestQueueNumber && FindRings() is { } rings) Serve(doorbell, rings);
        else base.Notify(doorbell);
    }

    /// <summary>A doorbell of the request queue; <see cref="Pass"/> has the reference device serve it.</summary>
    protected abstract void Serve(Doorbell doorbell, Rings rings);

    /// <summary>Has the reference device serve the queue.</summary>
    protected void Pass(Doorbell doorbell) => base.Notify(doorbell);

    private Rings? FindRings() => With(CommonField.QueueSelect, IommuDriver.RequestQueueNumber, () =>
    {
        var rings = new Rings(
            Ram, (int)Real(CommonField.QueueSize),
            Address(CommonField.QueueDescLow, CommonField.QueueDescHigh),
            Address(CommonField.QueueDriverLow, CommonField.QueueDriverHigh),
            Address(CommonField.QueueDeviceLow, CommonField.QueueDeviceHigh));
        return Real(CommonField.QueueEnable) != 0 && rings.AreInMemory ? rings : null;
    });

    private ulong Address(CommonField low, CommonField high) => Real(low) | Real(high) << 32;

    /// <summary>A used element (2.7.8).</summary>
    protected readonly record struct UsedElement(uint Id, uint Length);

    /// <summary>The three areas of a split virtqueue (2.7), in guest memory.</summary>
    protected sealed class Rings(IGuestRam ram, int size, ulong descriptors, ulong available, ulong used)
    {
        private const int DescriptorSize = 16;
        private const int UsedElementSize = 8;

        public bool AreInMemory =>
            AllInMemory(descriptors, DescriptorSize * size) && AllInMemory(available, 6 + 2 * size) && AllInMemory(used, 6 + UsedElementSize * size);

        /// <summary>Chains that are available and not used yet.</summary>
        public int Waiting => (ushort)(Read16(available + 2) - UsedIndex);

        public ushort UsedIndex
        {
            get => Read16(used + 2);
            set
            {
                Span<byte> bytes = stackalloc byte[2];
                BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
                ram.Write(used + 2, bytes);
            }
        }

        /// <summary>The used element of a free-running index.</summary>
        public UsedElement this[int index]
        {
            get
            {
                Span<byte> bytes = stackalloc byte[UsedElementSize];
                ram.Read(ElementAddress(index), bytes);
                return new UsedElement(BinaryPrimitives.ReadUInt32LittleEndian(bytes), BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]));
            }
            set
            {
                Span<byte> bytes = stackalloc byte[UsedElementSize];
                BinaryPrimitives.WriteUInt32LittleEndian(bytes, value.Id);
                BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], value.Length);
                ram.Write(ElementAddress(index), bytes);
            }
        }

        /// <summary>The descriptors of a chain in the descriptor table, in order; cut at the table's size.</summary>
        public IReadOnlyList<uint> ChainOf(uint head)
        {
            var chain = new List<uint> { head };
            while (chain.Count < size && Read16(DescriptorAddress(chain[^1]) + 12) is var flags && (flags & 1) != 0)
                chain.Add(Read16(DescriptorAddress(chain[^1]) + 14));
            return chain;
        }

        private ulong DescriptorAddress(uint index) => descriptors + DescriptorSize * (index % (uint)size);

        private ulong ElementAddress(int index) => used + 4 + UsedElementSize * (uint)((ushort)index % size);

        private ushort Read16(ulong at)
        {
            Span<byte> bytes = stackalloc byte[2];
            ram.Read(at, bytes);
            return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
        }

        private bool AllInMemory(ulong at, int length) => at >= ram.Window.First && at <= ram.Window.Last && ram.Window.Last - at >= (ulong)length - 1;
    }
}
