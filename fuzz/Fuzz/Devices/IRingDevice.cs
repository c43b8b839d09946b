using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Rings;
using Viommu.Guest.Targets;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// A device of which nothing is known but what a guest sees: guest memory, and whether it asks for a reset. Whatever ends it, or does not
/// come back, throws <see cref="TargetDiedException"/> or <see cref="TargetHungException"/>; <see cref="End"/> has to follow.
/// </summary>
internal interface IRingDevice : IDisposable
{
    /// <summary>Name and version; it is started where it does not run.</summary>
    TargetIdentity Identity { get; }

    /// <summary>What there is to know of the device, with the features that the last <see cref="Start"/> has negotiated.</summary>
    DeviceFacts Facts { get; }

    /// <summary>Whether endpoints without a domain get through, since the last <see cref="Start"/>.</summary>
    bool IsBypassed { get; }

    /// <summary>The endpoint that ring programs ask about.</summary>
    uint Endpoint { get; }

    /// <summary>The endpoint whose accesses are refused and reported.</summary>
    uint FaultingEndpoint { get; }

    /// <summary>Processes that were ended.</summary>
    int Deaths { get; }

    /// <summary>Times that a start of a process was tried. Read from any thread.</summary>
    int Starts { get; }

    /// <summary>Times that something was sent to the device and its answer was waited for.</summary>
    long RoundTrips { get; }

    /// <summary>
    /// Brings the device to where programs start, with both queues of that size and as many of the features <paramref name="wanted"/> as it
    /// offers; <paramref name="litter"/> is what the program before may have left.
    /// </summary>
    RingPlace Start(ulong wanted, int size, RingLitter litter);

    /// <summary>What is done to it from here on belongs to that step of the program.</summary>
    void BeginStep(int index)
    {
    }

    /// <summary>
    /// Shows it memory as it is now, notifies it of a queue, and takes over what it made of memory, until <paramref name="isServed"/> says that
    /// there is nothing to wait for, or a while is over. True where it asks for a reset.
    /// </summary>
    bool Notify(int queue, ShadowedMemory memory, Func<bool> isServed);

    /// <summary>The same, but <see cref="FaultingEndpoint"/> makes an access.</summary>
    bool Provoke(ulong at, ShadowedMemory memory);

    /// <summary>Takes over memory as it is now, whatever has become of the device.</summary>
    void ReadMemory(ShadowedMemory memory);

    /// <summary>Ends it: it is gone already, hangs, or cannot be relied on any more.</summary>
    void End();
}

/// <summary>What a program may have left behind beside the device's registers.</summary>
[Flags]
internal enum RingLitter
{
    None = 0,

    /// <summary>Domains, which some devices keep over a reset (against DESC-IOMMU-01).</summary>
    Domains = 1,

    /// <summary>Anything, since buffers were where there is no memory.</summary>
    Anything = 2,
}
