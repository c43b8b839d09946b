namespace Viommu.Guest.Targets.Served;

/// <summary>A file that is guest memory: its first byte is guest-physical address 0.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Size">Bytes of it that are memory.</param>
public sealed record GuestMemoryFile(string Path, long Size);
