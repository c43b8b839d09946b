using Viommu.Device.Wire;

namespace Viommu.Device.Iommu;

/// <content>
/// What the machine around the device does while a driver runs: hot-plug, hot-unplug, and a configuration change that no driver made.
/// </content>
public sealed partial class IommuDevice
{
    /// <summary>The configuration field <c>bypass</c> (section 5.13.4), whether it is offered or not.</summary>
    public bool Bypass => _state.Bypass;

    /// <summary>
    /// Changes <c>bypass</c> on behalf of the machine's operator: unattached endpoints are (or cease to be) in bypass mode from the next
    /// access on, the configuration generation moves and the driver is notified (sections 2.5 and 3.3.1). A value that is there already
    /// is no change. A device reset keeps the new value, a system reset brings the initial one back.
    /// </summary>
    /// <remarks>
    /// It is the one field that can change under a driver: the spec lets the driver change it as well, so no driver can rely on it being
    /// constant. The others describe limits that requests in flight were built on.
    /// </remarks>
    /// <exception cref="InvalidOperationException">The device does not offer BYPASS_CONFIG.</exception>
    public void ChangeBypass(bool bypass)
    {
        if (!_state.Offers(IommuFeatures.BypassConfig)) throw new InvalidOperationException("the device does not offer BYPASS_CONFIG");
        if (_state.Bypass == bypass) return;
        _state.Bypass = bypass;
        _host?.ConfigChanged();
    }

    /// <summary>
    /// Hot-plugs an endpoint, attached to no domain. Like all of the topology it survives every reset; nothing tells the driver, which
    /// learns of endpoints from their own buses.
    /// </summary>
    /// <exception cref="ArgumentException">The ID is in use, or the device could not have been built with the endpoint.</exception>
    public void AddEndpoint(EndpointOptions endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        _state.Add(endpoint);
    }

    /// <summary>
    /// Hot-unplugs an endpoint. Its attachment ends as by DETACH (section 5.13.6.4): with the last endpoint the domain and its mappings
    /// go too. From then on requests for the ID are answered NOENT, and its accesses are refused.
    /// </summary>
    /// <returns>False where the device has no such endpoint.</returns>
    public bool RemoveEndpoint(uint id) => _state.Remove(id);
}
