using Viommu.Device.Memory;
using Viommu.Device.Topology;
using Viommu.Device.Wire;

namespace Viommu.Device.Iommu;

/// <content>DMA of the endpoints, and the faults it leads to (section 5.13.6.9).</content>
public sealed partial class IommuDevice
{
    /// <summary>
    /// Translates one address, without reporting a fault and without allocating.
    /// </summary>
    /// <param name="endpoint">The endpoint that makes the access.</param>
    /// <param name="at">The address it puts on the bus.</param>
    /// <param name="access">What it wants to do there.</param>
    /// <param name="address">Where the access goes.</param>
    /// <param name="contiguous">
    /// How many bytes from <paramref name="at"/> on go to consecutive addresses from <paramref name="address"/> on; 2^64 - 1 where it
    /// would be 2^64.
    /// </param>
    /// <returns>False where the access is refused, or goes to an MSI doorbell instead of memory.</returns>
    public bool TryTranslate(uint endpoint, IoVirtualAddress at, DmaAccess access, out GuestAddress address, out ulong contiguous)
    {
        address = default;
        contiguous = 0;
        if (!_state.TryFindEndpoint(endpoint, out var source)) return false;
        var translation = Translator.Translate(_state, source, at.Value, access);
        if (translation.Outcome != DmaOutcome.Completed || translation.IsDoorbell) return false;
        address = new(translation.Address);
        ulong beyond = translation.Last - at.Value;
        contiguous = beyond == ulong.MaxValue ? beyond : beyond + 1;
        return true;
    }

    /// <inheritdoc/>
    public DmaResult Read(uint endpoint, IoVirtualAddress at, Span<byte> into)
    {
        if (!_state.TryFindEndpoint(endpoint, out var source)) return new(DmaOutcome.UnknownEndpoint, 0);
        int done = 0;
        while (done < into.Length)
        {
            var outcome = Step(source, at, done, into.Length, DmaAccess.Read, out var translation, out int length);
            if (outcome != DmaOutcome.Completed) return new(outcome, (ulong)done);
            int copied = ReadMemory(new(translation.Address), into.Slice(done, length));
            done += copied;
            if (copied < length) return new(DmaOutcome.NoMemory, (ulong)done);
        }

        return new(DmaOutcome.Completed, (ulong)done);
    }

    /// <inheritdoc/>
    public DmaResult Write(uint endpoint, IoVirtualAddress at, ReadOnlySpan<byte> bytes)
    {
        if (!_state.TryFindEndpoint(endpoint, out var source)) return new(DmaOutcome.UnknownEndpoint, 0);
        int done = 0;
        while (done < bytes.Length)
        {
            var outcome = Step(source, at, done, bytes.Length, DmaAccess.Write, out var translation, out int length);
            if (outcome != DmaOutcome.Completed) return new(outcome, (ulong)done);
            // An MSI doorbell takes the bytes: behind it is an interrupt controller, not memory.
            int copied = translation.IsDoorbell ? length : WriteMemory(new(translation.Address), bytes.Slice(done, length));
            done += copied;
            if (copied < length) return new(DmaOutcome.NoMemory, (ulong)done);
        }

        return new(DmaOutcome.Completed, (ulong)done);
    }

    /// <summary>Translates the next byte of an access; <paramref name="length"/> bytes from there on go the same way.</summary>
    private DmaOutcome Step(
        in Endpoint source, IoVirtualAddress at, int done, int total, DmaAccess access, out Translation translation, out int length)
    {
        length = 0;
        ulong address = unchecked(at.Value + (ulong)done);
        // No address follows 2^64 - 1: an access that goes on there is not continued at 0.
        if (address < at.Value)
        {
            translation = Translation.Refused(DmaOutcome.NotMapped);
            Report(new(FaultReason.Mapping, Direction(access), source.Id, 0));
            return translation.Outcome;
        }

        translation = Translator.Translate(_state, source, address, access);
        if (translation.Outcome == DmaOutcome.Completed)
        {
            // Compared before 1 is added: the distance to the last address can be 2^64 - 1.
            ulong beyond = translation.Last - address;
            length = beyond < (ulong)(total - done) ? (int)beyond + 1 : total - done;
            return DmaOutcome.Completed;
        }

        var reason = translation.Outcome == DmaOutcome.NotAttached ? FaultReason.Domain : FaultReason.Mapping;
        Report(new(reason, Direction(access) | FaultFlags.Address, source.Id, address));
        return translation.Outcome;
    }

    private static FaultFlags Direction(DmaAccess access) => access == DmaAccess.Write ? FaultFlags.Write : FaultFlags.Read;

    // A report that finds no buffer, or a device that is not live, is dropped, which section 5.13.6.9 allows.
    private void Report(in FaultReport fault)
    {
        Span<byte> bytes = stackalloc byte[FaultReport.Size];
        fault.Encode(bytes);
        _host?.TryReport(EventQueue, bytes);
    }

    // Memory copies all or nothing. Where part of a block is missing, halving finds the bytes before the first missing one.
    private int ReadMemory(GuestAddress from, Span<byte> into)
    {
        int done = 0;
        for (int step = into.Length; step > 0 && done < into.Length; step = NextStep(step, into.Length - done))
        {
            if (!from.TryOffset((ulong)done, out var address)) break;
            if (_memory.TryRead(address, into.Slice(done, step))) done += step;
            else if (step == 1) break;
        }

        return done;
    }

    private int WriteMemory(GuestAddress to, ReadOnlySpan<byte> bytes)
    {
        int done = 0;
        for (int step = bytes.Length; step > 0 && done < bytes.Length; step = NextStep(step, bytes.Length - done))
        {
            if (!to.TryOffset((ulong)done, out var address)) break;
            if (_memory.TryWrite(address, bytes.Slice(done, step))) done += step;
            else if (step == 1) break;
        }

        return done;
    }

    private static int NextStep(int step, int left) => Math.Min((step + 1) / 2, left);
}
