using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Rings;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Qemu;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// A device outside of this process, with rings where ring programs have them. It handles whatever it is told of before it answers, and does nothing
/// on its own account: memory can be copied to it and back as a whole.
/// </summary>
/// <param name="open">Starts such a device.</param>
/// <param name="ring">The feature that the rings of this format take: RING_PACKED or none.</param>
/// <param name="transcript">Where what is done to it is kept; null where it is not.</param>
internal sealed class BenchRingDevice(Func<ProgramBench> open, ulong ring, QtestTranscript? transcript = null) : IRingDevice
{
    // Of features that concern rings. With IN_ORDER a driver would have to use descriptors in turn, as programs do not.
    private const ulong Spoken = Features.IndirectDesc | Features.EventIdx;

    private const int AccessLength = 4;

    private readonly BenchProcess<ProgramBench> _process = new(() => WithRings(open()));
    private readonly byte[] _bytes = new byte[RingMachine.MemorySize];
    private ProgramBench? _littered;

    /// <inheritdoc/>
    public TargetIdentity Identity => _process.Bench.Identity;

    /// <inheritdoc/>
    public DeviceFacts Facts => _process.Bench.Facts;

    /// <inheritdoc/>
    public bool IsBypassed => _process.Bench.IsBypassed;

    /// <inheritdoc/>
    public uint Endpoint => Facts.Endpoints[0].Id;

    /// <inheritdoc/>
    public uint FaultingEndpoint => Facts.Endpoints[1].Id;

    /// <inheritdoc/>
    public int Deaths => _process.Deaths;

    /// <inheritdoc/>
    public int Starts => _process.Starts;

    /// <inheritdoc/>
    public long RoundTrips => _process.RoundTrips;

    /// <inheritdoc/>
    public RingPlace Start(ulong wanted, int size, RingLitter litter)
    {
        var bench = _process.Bench;
        // Whatever was left was left on this one, or is gone.
        if (bench == _littered && !TryClean(bench, litter)) bench = CleanByReset();
        _littered = bench;
        var place = new RingPlace(
            size, RingMachine.At(RingMachine.Descriptors), RingMachine.At(RingMachine.DriverArea), RingMachine.At(RingMachine.DeviceArea), HasIndirect: false, HasInOrder: false);
        var events = place.OfEvents;
        bench.Ram.Write(ShadowedMemory.First, new byte[RingMachine.MemorySize]);
        bench.StartRings(
            (wanted & Spoken) | (Features.IommuChapter & ~Features.Bypass) | ring, (ushort)size,
            new QueueAddresses(place.Descriptors, place.DriverArea, place.DeviceArea), new QueueAddresses(events.Descriptors, events.DriverArea, events.DeviceArea));
        return place with { HasIndirect = bench.HasIndirect };
    }

    /// <inheritdoc/>
    public void BeginStep(int index) => transcript?.BeginStep(index);

    /// <inheritdoc/>
    public bool Notify(int queue, ShadowedMemory memory, Func<bool> isServed)
    {
        var bench = _process.Bench;
        bench.Ram.Write(ShadowedMemory.First, memory.Bytes);
        bool needsReset = bench.Notify(queue);
        ReadMemory(memory);
        if (!needsReset && !isServed()) bench.Await(IsOver);
        return needsReset;

        bool IsOver()
        {
            needsReset = bench.AsksForReset();
            ReadMemory(memory);
            return needsReset || isServed();
        }
    }

    /// <inheritdoc/>
    public bool Provoke(ulong at, ShadowedMemory memory)
    {
        var bench = _process.Bench;
        bench.Ram.Write(ShadowedMemory.First, memory.Bytes);
        bench.Dma.Read(FaultingEndpoint, at, AccessLength);
        bool needsReset = bench.AsksForReset();
        ReadMemory(memory);
        return needsReset;
    }

    /// <inheritdoc/>
    public void ReadMemory(ShadowedMemory memory)
    {
        if (_process.Running is not { } bench) return;
        bench.Ram.Read(ShadowedMemory.First, _bytes);
        _bytes.CopyTo(memory.Bytes);
    }

    /// <inheritdoc/>
    public void End() => _process.End();

    /// <inheritdoc/>
    public void Dispose() => _process.Dispose();

    private static ProgramBench WithRings(ProgramBench bench)
    {
        if (bench.WhyNoRings is not { } why) return bench;
        string name = bench.Identity.ToString();
        bench.Dispose();
        throw new TargetUnavailableException($"{name} cannot be fuzzed by ring programs: {why}");
    }

    private ProgramBench CleanByReset()
    {
        if (_process.Bench.CanSystemReset) _process.Bench.SystemReset();
        else _process.PutAway();
        return _process.Bench;
    }

    // Without the reset line of the machine.
    private static bool TryClean(ProgramBench bench, RingLitter litter) =>
        (litter & RingLitter.Anything) == 0 && (litter == RingLitter.None || !bench.LeavesDomains || bench.TryEmptyDomain(RingRequests.Domain));
}
