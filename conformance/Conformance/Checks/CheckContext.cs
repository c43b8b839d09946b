using Viommu.Conformance.Running;
using Viommu.Guest;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Checks;

/// <summary>What a check works with: a device in its state after reset, and the three things a check can say about what it sees.</summary>
public sealed class CheckContext
{
    private readonly IEndpointCare care;

    internal CheckContext(
        Machine machine, Random random, InitialState initial, IReadOnlyList<DmaEndpoint> endpoints, ResetLedger resets, IEndpointCare care)
    {
        Machine = machine;
        Random = random;
        Initial = initial;
        Endpoints = endpoints;
        Resets = resets;
        this.care = care;
    }

    /// <summary>The machine; its device has just been reset and no driver runs.</summary>
    public Machine Machine { get; }

    /// <summary>A source of random numbers that depends on the run's seed and the check's id alone.</summary>
    public Random Random { get; }

    /// <summary>What the device was when it was powered on.</summary>
    public InitialState Initial { get; }

    /// <summary>A remark on a choice that the device is free to make; part of a PASS.</summary>
    public string Note { get; set; } = "";

    /// <summary>Every endpoint that DMA can be made from.</summary>
    internal IReadOnlyList<DmaEndpoint> Endpoints { get; }

    /// <summary>The checks after which a device reset did not bring the device back to its state after power-on.</summary>
    internal ResetLedger Resets { get; }

    /// <summary>The granularity of mappings in bytes.</summary>
    internal ulong Granule => Initial.Config.Granule is not 0 and var granule ? granule : throw new GuestSetupException("page_size_mask is 0, so nothing can be mapped");

    /// <summary>
    /// What checks map at a time where granularity is not the point: a multiple of the granule that holds a whole access, since a
    /// driver must not map a single byte (virt_end is strictly above virt_start) even where the granule is one.
    /// </summary>
    internal ulong Unit => Math.Max(Granule, 4096);

    /// <summary>A domain that no check attaches anything to: the last one there is.</summary>
    internal uint MissingDomain => Initial.MissingDomain;

    /// <summary>An endpoint that the device manages.</summary>
    internal uint Endpoint => Endpoints.Count > 0 ? Endpoints[0].Id : throw new NotApplicableException("the target has no endpoint behind the virtio-iommu");

    /// <summary>Another one.</summary>
    internal uint SecondEndpoint => Endpoints.Count > 1 ? Endpoints[1].Id : throw new NotApplicableException("the target has only one endpoint behind the virtio-iommu");

    /// <summary>An endpoint ID that the device does not manage: no PCI function has it, and no platform gives it out.</summary>
    internal static uint UnknownEndpoint => 0xffff_fff0;

    /// <summary>A domain number that the device supports, the <paramref name="n"/>th.</summary>
    internal uint Domain(uint n)
    {
        var first = Offers(Features.DomainRange) ? Initial.Config.DomainStart : 1;
        if (Offers(Features.DomainRange) && Initial.Config.DomainEnd - first < n) throw new NotApplicableException($"domain_range has no {n + 1} domains");
        return first + n;
    }

    /// <summary>The first of <paramref name="units"/> units of virtual addresses that are inside input_range and clear of reserved regions.</summary>
    internal ulong Virtual(ulong units)
    {
        var (first, last) = Initial.Translatable;
        var span = checked(units * Unit);

        // Far enough from 0 that a device that gives address 0 a meaning of its own does not disturb.
        var at = AlignUp(Math.Max(first, Math.Min(0x1000_0000, last / 2)));
        foreach (var region in Initial.ReservedRegions.OrderBy(region => region.Start))
        {
            if (region.Start > at + span - 1 || at > region.End) continue;
            at = AlignUp(region.End + 1);
            if (at == 0) break;
        }
        return at >= first && at <= last && at != 0 && last - at >= span - 1
            ? at
            : throw new NotApplicableException($"input_range has no {units * Unit} free bytes");
    }

    /// <summary>True where the unit at <paramref name="at"/> is inside input_range and clear of reserved regions.</summary>
    internal bool MayBeMapped(ulong at)
    {
        var (first, last) = Initial.Translatable;
        return at >= first && at <= last && last - at >= Unit - 1 && !Initial.ReservedRegions.Any(region => region.Start <= at + Unit - 1 && at <= region.End);
    }

    /// <summary>Guest memory of <paramref name="units"/> units, aligned to one, zeroed.</summary>
    internal ulong Physical(ulong units)
    {
        if (Unit > 4 << 20) throw new NotApplicableException($"a granule of {Granule} bytes does not fit into the memory of this target");
        return Machine.Heap.AllocateZeroed(units * Unit, Unit);
    }

    /// <summary>Guest memory of <paramref name="units"/> units whose addresses no endpoint has reserved, for accesses that are not translated.</summary>
    internal ulong Identity(ulong units)
    {
        for (var attempt = 0; attempt < 1024; attempt++)
        {
            var at = Physical(units);
            if (!Initial.ReservedRegions.Any(region => region.Start <= at + units * Unit - 1 && at <= region.End)) return at;
        }
        throw new NotApplicableException("guest memory is reserved for the endpoints");
    }

    /// <summary>True where the device offers every bit.</summary>
    internal bool Offers(ulong features) => (Initial.OfferedFeatures & features) == features;

    /// <summary>What a driver that is to accept <paramref name="accept"/> accepts of this device: with it, what the user chose for the run.</summary>
    internal ulong Acceptable(ulong accept) => Machine.Acceptable(Initial.OfferedFeatures, accept);

    /// <summary>The registers of modern PCI; N/A where the run uses another transport.</summary>
    internal PciTransport Pci => Machine.Pci
        ?? throw new NotApplicableException(Machine.Transport.IsLegacy ? "the run uses a legacy interface" : "the run does not use PCI");

    /// <summary>N/A where the run uses a legacy interface; <paramref name="reason"/> says what such an interface has not, or does otherwise.</summary>
    internal void RequiresModern(string reason)
    {
        if (Machine.Transport.IsLegacy) throw new NotApplicableException(reason);
    }

    /// <summary>N/A where the run uses a legacy interface, which has no FEATURES_OK (3.1.2).</summary>
    internal void RequiresFeaturesOk() => RequiresModern("a legacy interface has no FEATURES_OK");

    /// <summary>N/A where the run uses a legacy interface, which shows feature bits 0 to 31.</summary>
    internal void RequiresHighFeatureBits() => RequiresModern("a legacy interface shows only feature bits 0 to 31");

    /// <summary>The queue as a split ring; N/A where it is packed.</summary>
    internal static SplitQueue Split(DriverQueue queue) => queue as SplitQueue ?? throw new NotApplicableException("the run uses packed rings");

    /// <summary>The queue as a packed ring; N/A where it is split.</summary>
    internal static PackedQueue Packed(DriverQueue queue) => queue as PackedQueue ?? throw new NotApplicableException("the run uses split rings");

    /// <summary>N/A where a buffer of so many descriptors, those of an indirect table among them, is longer than the queue (2.7.5.3.1, 2.8.17).</summary>
    internal static void RequiresDescriptors(DriverQueue queue, int count)
    {
        if (queue.Size < count) throw new NotApplicableException($"the request queue has {queue.Size} descriptors, so that no buffer has {count}");
    }

    /// <summary>N/A unless the device offers every bit.</summary>
    internal void Requires(ulong features)
    {
        var missing = features & ~Initial.OfferedFeatures;
        if (missing > uint.MaxValue && Machine.Transport.IsLegacy) throw new NotApplicableException($"a legacy interface shows only feature bits 0 to 31, so not {Features.Describe(missing)}");
        if (missing != 0) throw new NotApplicableException($"the device does not offer {Features.Describe(missing)}");
    }

    /// <summary>N/A where the device offers the bit.</summary>
    internal void RequiresNot(ulong feature)
    {
        if (Offers(feature)) throw new NotApplicableException($"the device offers {Features.Describe(feature)}");
    }

    /// <summary>Starts a driver that accepts what is good for it, and what the user chose for the run.</summary>
    internal IommuDriver Start(DriverSettings? settings = null) => IommuDriver.Start(Machine, settings);

    /// <summary>Writes bypass; N/A where that has no effect, as no device that offers the field may do: DESC-IOMMU-05 has a check of its own for it.</summary>
    internal void SetBypass(byte value)
    {
        Machine.WriteBypass(value);
        var read = Machine.ReadBypass();
        if (read != value) throw new NotApplicableException($"bypass reads {read} after {value} was written to it (DESC-IOMMU-05)");
    }

    /// <summary>
    /// The <paramref name="index"/>th endpoint, ready for DMA; N/A where the target has too few. Has to be called before the check's
    /// own driver starts: making it ready resets the device.
    /// </summary>
    internal DmaEndpoint Dma(int index)
    {
        if (Endpoints.Count <= index)
            throw new NotApplicableException(Endpoints.Count == 0 ? "the target cannot make DMA" : "the target has only one endpoint that can make DMA");
        if (care.Prime() is { } problem) throw new GuestSetupException(problem);
        return Endpoints[index];
    }

    /// <summary>Resets the whole machine; endpoints have to be made ready for DMA again.</summary>
    internal void ResetSystem()
    {
        Machine.ResetSystem();
        care.Forget();
    }

    /// <summary>Set-up: the request has to be answered OK for the check to mean anything.</summary>
    internal static void Given(Exchange exchange)
    {
        HasResources(exchange);
        if (!exchange.IsOk) throw new GuestSetupException($"set-up: {exchange.Request} was answered {exchange.Answer}, OK is needed");
    }

    /// <summary>Set-up: a fact that has to hold for the check to mean anything.</summary>
    internal static void Given(bool holds, string fact)
    {
        if (!holds) throw new GuestSetupException($"set-up: {fact}");
    }

    /// <summary>The clause: it asks for <paramref name="expected"/>; where that does not hold, <paramref name="actual"/> is what was seen.</summary>
    internal static void That(bool holds, string expected, string actual)
    {
        if (!holds) throw new ExpectationFailedException(expected, actual);
    }

    /// <summary>The clause asks for <paramref name="expected"/>, and each of these says that it was not kept.</summary>
    internal static void ThatNone(IReadOnlyList<string> broken, string expected)
    {
        const int Told = 3;
        That(broken.Count == 0, expected, string.Join("; ", broken.Take(Told)) + (broken.Count > Told ? $"; and {broken.Count - Told} more" : ""));
    }

    /// <summary>The clause asks for one of these statuses.</summary>
    internal static void Answers(Exchange exchange, params RequestStatus[] accepted)
    {
        if (accepted.Contains(RequestStatus.Ok)) HasResources(exchange);
        That(
            exchange.Status is { } status && accepted.Contains(status),
            $"{exchange.Request} answered {string.Join(" or ", accepted.Select(status => status.Name()))}",
            exchange.Answer);
    }

    /// <summary>N/A where the device is at its limits: how many domains and mappings it can hold, and what can go wrong inside it, is its own affair.</summary>
    internal static void HasResources(Exchange exchange)
    {
        if (exchange.Status is RequestStatus.NoMem or RequestStatus.DevErr)
            throw new NotApplicableException($"the device is at its limits with {exchange.Request}: {exchange.Status.Value.Name()}");
    }

    /// <summary>The clause asks for a rejection, without saying which: the request comes back, and not with OK.</summary>
    internal static void Rejected(Exchange exchange) =>
        That(exchange.IsReturned && !exchange.IsOk, $"{exchange.Request} answered by any status but OK", exchange.Answer);

    private ulong AlignUp(ulong address) => (address + Unit - 1) & ~(Unit - 1);
}

/// <summary>Keeps the endpoints of a target ready for DMA.</summary>
internal interface IEndpointCare
{
    /// <summary>Puts every endpoint's pattern in place, if it is not; returns what went wrong, or null.</summary>
    string? Prime();

    /// <summary>The endpoints may have lost their patterns.</summary>
    void Forget();
}

/// <summary>The device as it was found at power-on, before any driver touched it.</summary>
/// <param name="OfferedFeatures">Its feature bits.</param>
/// <param name="Config">Its configuration.</param>
/// <param name="ReservedRegions">What PROBE reports of all endpoints that DMA can be made from.</param>
public sealed record InitialState(ulong OfferedFeatures, IommuConfig Config, IReadOnlyList<ReservedRegion> ReservedRegions)
{
    /// <summary>The last domain number that the device supports.</summary>
    public uint MissingDomain => (OfferedFeatures & Features.DomainRange) != 0 ? Config.DomainEnd : uint.MaxValue;

    /// <summary>The virtual addresses that the device can translate, inclusive.</summary>
    public (ulong First, ulong Last) Translatable =>
        (OfferedFeatures & Features.InputRange) != 0 ? (Config.InputStart, Config.InputEnd) : (0, ulong.MaxValue);
}
