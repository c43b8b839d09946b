namespace Viommu.Device.Topology;

/// <summary>What makes bytes no VIOT.</summary>
public enum ViotFault
{
    /// <summary>Nothing is wrong.</summary>
    None,

    /// <summary>There are fewer bytes than a header takes.</summary>
    TooShort,

    /// <summary>The signature is not <c>VIOT</c>.</summary>
    Signature,

    /// <summary>The length in the header is not the number of bytes.</summary>
    Length,

    /// <summary>The bytes do not add up to 0 modulo 256.</summary>
    Checksum,

    /// <summary>A node begins inside the header, or its header ends behind the table.</summary>
    NodeOffset,

    /// <summary>A node is shorter than its type, or ends behind the table.</summary>
    NodeLength,

    /// <summary>A node has a type that is not 1 to 4.</summary>
    NodeType,

    /// <summary>An output node offset is not where the node of a virtio-iommu begins.</summary>
    OutputNode,

    /// <summary>A range of segments or functions ends before it starts.</summary>
    Inverted,

    /// <summary>Endpoint IDs of a range exceed 32 bits.</summary>
    EndpointOverflow,
}

/// <summary>What is wrong with a table, and where.</summary>
/// <param name="Fault">What.</param>
/// <param name="Offset">The byte in the table at which the field or node in question begins.</param>
public readonly record struct ViotError(ViotFault Fault, int Offset)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Fault} at byte {Offset}";
}
