namespace Viommu.Device.Lifecycle;

/// <summary>What makes bytes no state of the device that is asked to take it over.</summary>
public enum StateFault
{
    /// <summary>Nothing is wrong.</summary>
    None,

    /// <summary>There are fewer bytes than the smallest state has.</summary>
    TooShort,

    /// <summary>The first bytes are not <c>VIOS</c>.</summary>
    Magic,

    /// <summary>The version is one that this program does not know.</summary>
    Version,

    /// <summary>The length in the header is not the number of bytes.</summary>
    Length,

    /// <summary>The checksum at the end does not fit the bytes before it.</summary>
    Checksum,

    /// <summary>Another section was expected.</summary>
    Section,

    /// <summary>A section, or the state, ends before its contents do, or after.</summary>
    SectionLength,

    /// <summary>It is the state of a device that was built with other options.</summary>
    OtherDevice,

    /// <summary>A field has a value that no device has.</summary>
    Value,

    /// <summary>No sequence of requests leads to such a state.</summary>
    Unreachable,
}

/// <summary>What is wrong with a saved state, and where.</summary>
/// <param name="Fault">What.</param>
/// <param name="Offset">The byte at which the field or element in question begins.</param>
public readonly record struct StateError(StateFault Fault, int Offset)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Fault} at byte {Offset}";
}
