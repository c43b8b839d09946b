using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules common to all requests, or of bypass mode.</summary>
internal static class BrokenOperations
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        BrokenDevice.Answers("answers UNMAP with a status of its own", ["IOMMU-OPS-D-01"], RequestType.Unmap, (byte)RequestStatus.Ok, 0x40),
        BrokenDevice.Requests("answers unknown types with UNSUPP", ["IOMMU-OPS-D-02", "IOMMU-OPS-D-03"], (request, reply, next) =>
        {
            if (request[0] is >= RequestType.Attach and <= RequestType.Probe) return next(request, reply);
            reply[0] = (byte)RequestStatus.Unsupp;
            return reply.Length;
        }),
        BrokenDevice.Requests("rejects requests for the head's reserved bytes", ["IOMMU-OPS-D-04"], (request, reply, next) =>
        {
            var used = next(request, reply);
            if (used > 0 && request.AsSpan(1, 3).IndexOfAnyExcept((byte)0) >= 0) reply[used - 4] = (byte)RequestStatus.Inval;
            return used;
        }),
        BrokenDevice.Requests("leaves rubbish behind the status", ["IOMMU-OPS-D-05"], (request, reply, next) =>
        {
            var used = next(request, reply);
            if (used > 0) reply[(used - 3)..used].Fill(0xcc);
            return used;
        }),
        BrokenDevice.Requests("writes a status where a tail does not fit", ["DESC-IOMMU-02"], (request, reply, next) =>
        {
            if (reply.Length is 0 or >= Request.TailSize) return next(request, reply);
            reply[0] = (byte)RequestStatus.IoErr;
            return 1;
        }),
        BrokenDevice.With("lets endpoints without a domain through", ["IOMMU-OPS-D-06"], (device, memory) => new NoDomainMeansIdentity(device, memory)),
        BrokenDevice.With("keeps attachments over a device reset", ["DESC-IOMMU-01"], (device, _) => new ResetKeepsEverything(device)),
        BrokenDevice.With("lets bypass count only where its feature was accepted", ["DESC-IOMMU-05.bypass-applies-*"], (device, _) => new BypassNeedsAcceptance(device)),
        BrokenDevice.With("loses bypass accesses behind a page border", ["DESC-IOMMU-06"], (device, _) => new BypassStopsAtPageBorder(device)),
        new BrokenDevice("counts bytes it did not write as used", ["IOMMU-FAULT-D-06"], new ModelVariation { RingMemory = memory => new BoastingRing(memory) }),
    ];

    private sealed class NoDomainMeansIdentity(IommuDevice device, IGuestMemory memory) : Interceptor(device)
    {
        public override DmaResult Read(uint endpoint, IoVirtualAddress at, Span<byte> into)
        {
            var result = base.Read(endpoint, at, into);
            return result.Outcome == DmaOutcome.NotAttached && memory.TryRead(new GuestAddress(at.Value), into) ? Done(into.Length) : result;
        }

        public override DmaResult Write(uint endpoint, IoVirtualAddress at, ReadOnlySpan<byte> bytes)
        {
            var result = base.Write(endpoint, at, bytes);
            return result.Outcome == DmaOutcome.NotAttached && memory.TryWrite(new GuestAddress(at.Value), bytes) ? Done(bytes.Length) : result;
        }

        private static DmaResult Done(int length) => new(DmaOutcome.Completed, (ulong)length);
    }

    private sealed class ResetKeepsEverything(IommuDevice device) : Interceptor(device)
    {
        public override void Reset()
        {
        }
    }

    private sealed class BypassNeedsAcceptance(IommuDevice device) : Shadow(device)
    {
        private bool accepted;

        public override void FeaturesNegotiated(ulong features)
        {
            base.FeaturesNegotiated(features);
            accepted = (features & Features.BypassConfig) != 0;
        }

        public override DmaResult Write(uint endpoint, IoVirtualAddress at, ReadOnlySpan<byte> bytes) =>
            accepted || Attached.ContainsKey(endpoint) ? base.Write(endpoint, at, bytes) : new DmaResult(DmaOutcome.NotAttached, 0);
    }

    private sealed class BypassStopsAtPageBorder(IommuDevice device) : Shadow(device)
    {
        public override DmaResult Write(uint endpoint, IoVirtualAddress at, ReadOnlySpan<byte> bytes)
        {
            var left = 4096 - (int)(at.Value & 4095);
            return Attached.ContainsKey(endpoint) || bytes.Length <= left ? base.Write(endpoint, at, bytes) : base.Write(endpoint, at, bytes[..left]);
        }
    }

    /// <summary>Overstates the length of used elements of length 0, on its way into the ring.</summary>
    private sealed class BoastingRing(IGuestMemory memory) : IGuestMemory
    {
        public bool TryRead(GuestAddress from, Span<byte> into) => memory.TryRead(from, into);

        public bool TryWrite(GuestAddress to, ReadOnlySpan<byte> bytes)
        {
            // A used element is 8 bytes, id and length (2.7.8).
            if (bytes.Length != 8 || bytes[4..].IndexOfAnyExcept((byte)0) >= 0) return memory.TryWrite(to, bytes);
            Span<byte> boast = [.. bytes];
            boast[4] = 200;
            return memory.TryWrite(to, boast);
        }
    }
}
