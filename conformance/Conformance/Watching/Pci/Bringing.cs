using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Pci;

/// <summary>Whether a driver took the device at hand into use, for rules on what must not keep it from that.</summary>
internal sealed class Bringing
{
    private bool isBound;

    /// <summary>
    /// The clause: the driver has begun to initialise the device by the end of what was watched. A source that does not show what the
    /// driver tells its user may have ended too early, so there only a driver that has begun says something.
    /// </summary>
    public static void Judge(Judge judge, Observation seen, string device)
    {
        var bringing = judge.Keep<Bringing>();
        if (seen is StatusWritten { Status: not DeviceStatus.None }) bringing.isBound = true;
        if (seen is not SessionEnded || (!bringing.isBound && (judge.Driver.Sees & Sight.Conclusions) == 0)) return;
        judge.That(bringing.isBound, $"the driver takes {device} into use: it sets ACKNOWLEDGE", "it never writes the device status but to reset");
    }
}
