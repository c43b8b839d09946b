using Viommu.Guest.Pci;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>4.1.4.7 Shared memory capability. A virtio-iommu has no use for shared memory; one that shows some shows it right.</summary>
internal static class SharedMemoryChecks
{
    [Check("PCI-SHM-D-01",
        Does = "Compares the 64-bit offset and length of every shared memory capability with the size of its BAR.",
        Reading = "The region lies inside. N/A where there is none, as is to be expected of an IOMMU.")]
    internal static void Every_shared_memory_region_lies_inside_its_BAR(CheckContext check)
    {
        foreach (var capability in All(check.Pci.Function))
        {
            var size = capability.Function.BarSize(capability.Bar);
            var offset = capability.Offset | (ulong)capability.FirstExtra << 32;
            var length = capability.Length | (ulong)capability.SecondExtra << 32;
            That((UInt128)offset + length <= size, $"offset + length of 0x{size:x} at most, the size of BAR {capability.Bar}, in {capability}", $"offset 0x{offset:x}, length 0x{length:x}");
        }
    }

    [Check("PCI-SHM-D-02",
        Does = "Reads the id of every shared memory capability.",
        Reading = "No two are the same. N/A where there is none, as is to be expected of an IOMMU.")]
    internal static void Every_shared_memory_region_has_an_id_of_its_own(CheckContext check)
    {
        foreach (var same in All(check.Pci.Function).GroupBy(capability => capability.Id))
            That(same.Count() == 1, $"one shared memory region of id {same.Key}", string.Join(", ", same));
    }

    private static IReadOnlyList<VirtioCapability> All(PciFunction function) => VirtioCapability.All(function, StructureType.SharedMemory) is { Count: > 0 } all
        ? all
        : throw new NotApplicableException("the device has no shared memory region");
}
