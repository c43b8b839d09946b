namespace Viommu.Device.Memory;

/// <summary>A guest-physical address, in bytes. Only translation turns an <see cref="IoVirtualAddress"/> into one.</summary>
/// <param name="Value">The address; every 64-bit value can be written by a guest, so every value is legal here.</param>
public readonly record struct GuestAddress(ulong Value)
{
    /// <summary>Adds <paramref name="by"/> bytes; false where the sum leaves the 64-bit space.</summary>
    public bool TryOffset(ulong by, out GuestAddress result)
    {
        result = new GuestAddress(unchecked(Value + by));
        return result.Value >= Value;
    }

    /// <inheritdoc/>
    public override string ToString() => $"0x{Value:x}";
}

/// <summary>The address that an endpoint puts on its bus: the input of translation.</summary>
/// <param name="Value">The address, in bytes.</param>
public readonly record struct IoVirtualAddress(ulong Value)
{
    /// <inheritdoc/>
    public override string ToString() => $"0x{Value:x}";
}
