using Viommu.Device.Memory;
using Viommu.Device.Wire;

namespace Viommu.Device.Virtqueue;

/// <summary>A descriptor table in guest memory: the one of a split virtqueue, or an indirect one.</summary>
/// <param name="Base">Where it starts.</param>
/// <param name="Size">Its length in descriptors.</param>
internal readonly record struct DescriptorTable(GuestAddress Base, uint Size)
{
    /// <summary>True where an indirect table can be that many bytes long: whole descriptors, and at least one.</summary>
    public static bool IsLength(uint bytes) => bytes > 0 && bytes % RawDescriptor.Size == 0;

    /// <summary>Copies one descriptor out, once.</summary>
    public ChainFault TryRead(IGuestMemory memory, uint index, out RawDescriptor descriptor)
    {
        descriptor = default;
        if (index >= Size) return ChainFault.IndexOutOfRange;
        if (!Base.TryOffset((ulong)index * RawDescriptor.Size, out var address)) return ChainFault.AddressWraps;
        Span<byte> bytes = stackalloc byte[RawDescriptor.Size];
        if (!memory.TryRead(address, bytes)) return ChainFault.TableUnreadable;
        descriptor = RawDescriptor.Decode(bytes);
        return ChainFault.None;
    }
}
