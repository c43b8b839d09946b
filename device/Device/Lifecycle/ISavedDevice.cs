namespace Viommu.Device.Lifecycle;

/// <summary>A device type whose state can be saved and restored.</summary>
internal interface ISavedDevice
{
    /// <summary>Writes the sections of the type.</summary>
    void Save(StateWriter writer);

    /// <summary>
    /// Reads what <see cref="Save"/> wrote, and changes nothing. The action takes the state over; it is called where the reader has found
    /// no fault, in this section or any other.
    /// </summary>
    Action Load(ref StateReader reader);
}
