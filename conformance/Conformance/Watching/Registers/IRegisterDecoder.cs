namespace Viommu.Conformance.Watching.Registers;

/// <summary>Makes the transport-neutral observation of a register access, if it has one. Remembers what the driver has selected.</summary>
internal interface IRegisterDecoder
{
    /// <summary>What an access means: nothing, or one observation, or several where it goes over several registers.</summary>
    IEnumerable<Observation> Decode(RegisterAccess access);
}
