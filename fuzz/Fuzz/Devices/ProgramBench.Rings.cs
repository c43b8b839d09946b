using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Devices;

/// <summary>The bench with rings that are somebody else's, who writes to them what is to be there.</summary>
internal abstract partial class ProgramBench
{
    private bool _isBypassOff;

    /// <summary>Why no rings of somebody else's can be run here; null where they can.</summary>
    public virtual string? WhyNoRings => _endpoints.Length < 2 ? $"it names {_endpoints.Length} endpoints, and ring programs want two" : null;

    /// <summary>True where the device has indirect descriptors in force.</summary>
    public bool HasIndirect => (Negotiated & Features.IndirectDesc) != 0;

    /// <summary>True where the features <see cref="StartRings"/> has negotiated leave endpoints without a domain to a <c>bypass</c> field that is set.</summary>
    public bool IsBypassed => (Negotiated & Features.BypassConfig) != 0 && !_isBypassOff;

    /// <summary>Guest memory.</summary>
    public IGuestRam Ram => Machine.Target.Ram;

    /// <summary>
    /// As <see cref="Start"/>, with both rings of that size where they are said to be, with these features and those that the device may insist
    /// on (6.2). Bypass is off where it can be: endpoints without a domain get nowhere.
    /// </summary>
    public void StartRings(ulong wanted, ushort size, QueueAddresses requests, QueueAddresses events)
    {
        StartAt((wanted | Features.Indispensable) & Offered, size, requests, events);
        IsClean = false;
        if (_isBypassOff || (Negotiated & Features.BypassConfig) == 0) return;
        WriteBypass(0);
        _isBypassOff = ReadBypass() == 0;
    }

    /// <summary>Notifies the device of a queue whose ring is somebody else's; true where it asks for a reset.</summary>
    public abstract bool Notify(int queue);

    /// <summary>Waits for something that the device does, as long as for anything; false where it does not.</summary>
    public abstract bool Await(Func<bool> condition);

    /// <summary>
    /// Has no endpoint attached any more, whatever it was attached to, and true where the device confirms that there is no such domain then.
    /// <see cref="Start"/> or <see cref="StartRings"/> has to follow.
    /// </summary>
    public bool TryEmptyDomain(uint domain)
    {
        Start(ulong.MaxValue);
        uint missing = AtPowerOn.MissingDomain;
        // Who is attached anew is attached to nothing else (5.13.6.3).
        return TryExchange(
        [
            .. Endpoints.Select(endpoint => ((Request)new AttachRequest(missing, endpoint.Id), (RequestStatus?)RequestStatus.Ok)),
            .. Endpoints.Select(endpoint => ((Request)new DetachRequest(missing, endpoint.Id), (RequestStatus?)RequestStatus.Ok)),
            .. ((uint[])[missing, domain]).Select(gone => ((Request)new UnmapRequest(gone, 0, ulong.MaxValue), (RequestStatus?)RequestStatus.NoEnt)),
        ]);
    }

    /// <summary>The start itself, bypass left as it is; throws <see cref="DeviceViolationException"/> where the device does not.</summary>
    protected abstract void StartAt(ulong accepted, ushort size, QueueAddresses requests, QueueAddresses events);
}
