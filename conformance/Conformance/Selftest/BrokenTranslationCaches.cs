using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices whose second endpoint keeps what it has learned of a translation longer than it may.</summary>
internal static class BrokenTranslationCaches
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        BrokenDevice.With(
            "keeps the translations of its second endpoint over UNMAP", ["IOMMU-UNMAP-D-07.an-unmapped-range-is-reached-by-no-*"],
            (device, memory) => new KeepsTranslations(device, memory, RequestType.Unmap)),
        BrokenDevice.With(
            "keeps the translations of its second endpoint over DETACH", ["IOMMU-DETACH-D-04.only-*"],
            (device, memory) => new KeepsTranslations(device, memory, RequestType.Detach)),
        BrokenDevice.With(
            "keeps the faults of its second endpoint over MAP", ["DESC-IOMMU-13.a-mapping-is-reached-*"], (device, _) => new KeepsFaults(device)),
    ];

    /// <summary>An endpoint with a cache of pages, which is emptied by everything but requests of one type.</summary>
    private abstract class Caching(IommuDevice device, byte ignored) : Shadow(device)
    {
        private const ulong Page = 4096;

        /// <summary>By page: the mapping that it was found in, or null where there was none.</summary>
        private readonly Dictionary<ulong, Mapped?> cache = [];

        public override void Reset()
        {
            base.Reset();
            cache.Clear();
        }

        public override void SystemReset()
        {
            base.SystemReset();
            cache.Clear();
        }

        public override DmaResult Write(uint endpoint, IoVirtualAddress at, ReadOnlySpan<byte> bytes)
        {
            if (endpoint != ModelTarget.SecondEndpoint) return base.Write(endpoint, at, bytes);
            if (cache.TryGetValue(at.Value / Page, out var known) && Known(known, at.Value, bytes) is { } result) return result;
            result = base.Write(endpoint, at, bytes);
            if (Attached.TryGetValue(endpoint, out var domain) && !BypassDomains.Contains(domain))
                cache[at.Value / Page] = Mappings.Find(mapping => mapping.Domain == domain && mapping.Holds(at.Value));
            return result;
        }

        protected override int Handle(byte[] request, Span<byte> reply)
        {
            var used = base.Handle(request, reply);
            if (request[0] != ignored) cache.Clear();
            return used;
        }

        /// <summary>What becomes of an access by what is in the cache; null where that has no say.</summary>
        protected abstract DmaResult? Known(Mapped? mapping, ulong at, ReadOnlySpan<byte> bytes);
    }

    private sealed class KeepsTranslations(IommuDevice device, IGuestMemory memory, byte ignored) : Caching(device, ignored)
    {
        protected override DmaResult? Known(Mapped? mapping, ulong at, ReadOnlySpan<byte> bytes) =>
            mapping is not null && memory.TryWrite(new GuestAddress(at - mapping.Start + mapping.Physical), bytes)
                ? new DmaResult(DmaOutcome.Completed, (ulong)bytes.Length)
                : null;
    }

    private sealed class KeepsFaults(IommuDevice device) : Caching(device, RequestType.Map)
    {
        protected override DmaResult? Known(Mapped? mapping, ulong at, ReadOnlySpan<byte> bytes) => mapping is null ? new DmaResult(DmaOutcome.NotMapped, 0) : null;
    }
}
