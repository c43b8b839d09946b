namespace Viommu.Guest.Targets;

/// <summary>
/// A machine with a virtio-iommu in it, seen from where a guest stands: PCI configuration space, memory-mapped registers, I/O ports,
/// guest memory, and endpoints whose DMA the virtio-iommu translates. Everything a hostile guest can do is expressed here; the driver
/// above it is one code path for all targets.
/// </summary>
/// <remarks>
/// Every member can throw <see cref="TargetDiedException"/> or <see cref="TargetHungException"/>; after either the target is only
/// good for <see cref="LastWords"/> and disposal. Members are called from one thread, but for <see cref="Kill"/>.
/// </remarks>
public interface ITarget : IDisposable
{
    /// <summary>Name and version, as reports show them.</summary>
    TargetIdentity Identity { get; }

    /// <summary>Where the virtio-iommu is, as the machine's firmware or its documentation tells.</summary>
    DeviceLocation Iommu { get; }

    /// <summary>Guest memory that is free for the guest's use.</summary>
    IGuestRam Ram { get; }

    /// <summary>Guest-physical addresses at which the guest may place 32-bit memory BARs.</summary>
    AddressWindow BarWindow { get; }

    /// <summary>I/O ports at which the guest may place I/O BARs; empty (last below first) where the machine has no I/O space.</summary>
    AddressWindow IoWindow { get; }

    /// <summary>Endpoints behind the virtio-iommu that DMA can be made from; empty where the target has none.</summary>
    IReadOnlyList<IBusMaster> BusMasters { get; }

    /// <summary>
    /// The ACPI table that tells a guest which endpoints the virtio-iommu manages (<see cref="Platform.Viot"/>); null where the machine's
    /// firmware gives none, or it is not known.
    /// </summary>
    byte[]? ReadViot() => null;

    /// <summary>Reads <paramref name="width"/> (1, 2 or 4) bytes of a PCI function's configuration space; all ones where there is no function.</summary>
    uint ConfigRead(PciAddress function, int offset, int width);

    /// <summary>Writes <paramref name="width"/> (1, 2 or 4) bytes of a PCI function's configuration space.</summary>
    void ConfigWrite(PciAddress function, int offset, int width, uint value);

    /// <summary>Reads <paramref name="width"/> (1, 2, 4 or 8) bytes of memory-mapped registers, little-endian.</summary>
    ulong MmioRead(ulong address, int width);

    /// <summary>Writes <paramref name="width"/> (1, 2, 4 or 8) bytes of memory-mapped registers, little-endian.</summary>
    void MmioWrite(ulong address, int width, ulong value);

    /// <summary>Reads <paramref name="width"/> (1, 2 or 4) bytes of I/O space; all ones where there is nothing.</summary>
    uint IoRead(ushort port, int width);

    /// <summary>Writes <paramref name="width"/> (1, 2 or 4) bytes of I/O space.</summary>
    void IoWrite(ushort port, int width, uint value);

    /// <summary>True where <see cref="SystemReset"/> works.</summary>
    bool CanSystemReset { get; }

    /// <summary>Resets the whole machine, as its reset line does. Memory keeps its content; BARs have to be placed again.</summary>
    void SystemReset();

    /// <summary>
    /// Lets the machine run until <paramref name="condition"/> holds; false if it does not within <paramref name="patience"/>. A target
    /// with virtual time (the model) evaluates it once: what has not happened by then never will.
    /// </summary>
    bool Await(Func<bool> condition, TimeSpan patience);

    /// <summary>Lets the machine do whatever it is going to do without further input, before a check of what must not happen.</summary>
    void Settle();

    /// <summary>Level of the virtio-iommu's interrupt line (INTx of a PCI function); null where the target does not show it.</summary>
    bool? InterruptLine => null;

    /// <summary>
    /// Has the machine's operator, not the driver, change the <c>bypass</c> field; false where the target has no way to do that, or the
    /// device no such field.
    /// </summary>
    bool TryChangeBypass(bool bypass) => false;

    /// <summary>What the target last wrote to its standard error, or a line that says it wrote nothing.</summary>
    string LastWords { get; }

    /// <summary>Ends the target at once, from any thread: a call that waits for it throws <see cref="TargetDiedException"/>.</summary>
    void Kill();
}

/// <summary>What is under test.</summary>
/// <param name="Name">Short name: <c>model</c>, <c>qemu</c>.</param>
/// <param name="Version">Its version, for example <c>7.2.22</c>.</param>
/// <param name="Configuration">Which of its forms, for example <c>mmio, packed</c>; empty where it has one.</param>
public sealed record TargetIdentity(string Name, string Version, string Configuration = "")
{
    /// <inheritdoc/>
    public override string ToString() => Configuration.Length == 0 ? $"{Name} {Version}" : $"{Name} {Version} ({Configuration})";
}

/// <summary>Where a guest finds the virtio-iommu, and through which interface it is to drive it.</summary>
public abstract record DeviceLocation
{
    private DeviceLocation()
    {
    }

    /// <summary>A PCI function, found by a scan of the root bus and driven through its modern interface.</summary>
    public sealed record PciFunction : DeviceLocation;

    /// <summary>A transitional PCI function, found likewise and driven through its legacy interface.</summary>
    public sealed record TransitionalPciFunction : DeviceLocation;

    /// <summary>Registers of virtio-mmio at a guest-physical address; which version they are they say themselves.</summary>
    public sealed record MmioSlot(ulong Address) : DeviceLocation;
}

/// <summary>A PCI function: bus, device, function of segment 0.</summary>
public readonly record struct PciAddress(byte Bus, byte Device, byte Function)
{
    /// <summary>The requester ID, which is the virtio-iommu endpoint ID on segment 0: bus in bits 8 to 15, device 3 to 7, function 0 to 2.</summary>
    public ushort RequesterId => (ushort)((Bus << 8) | (Device << 3) | Function);

    /// <inheritdoc/>
    public override string ToString() => $"{Bus:x2}:{Device:x2}.{Function:x}";
}

/// <summary>An inclusive range of guest-physical addresses.</summary>
public readonly record struct AddressWindow(ulong First, ulong Last);

/// <summary>Guest memory as the guest's own processor sees it: bytes are copied in and out.</summary>
public interface IGuestRam
{
    /// <summary>The guest-physical addresses that exist and are free for the guest.</summary>
    AddressWindow Window { get; }

    /// <summary>True where all of these bytes are there; no byte is anywhere.</summary>
    bool Holds(ulong address, ulong length) => length == 0 || (address >= Window.First && address <= Window.Last && length - 1 <= Window.Last - address);

    /// <summary>Copies memory at <paramref name="address"/> into <paramref name="into"/>; throws <see cref="ArgumentOutOfRangeException"/> unless all of it <see cref="Holds"/>.</summary>
    void Read(ulong address, Span<byte> into);

    /// <summary>Copies <paramref name="bytes"/> to memory at <paramref name="address"/>; throws as <see cref="Read"/> does.</summary>
    void Write(ulong address, ReadOnlySpan<byte> bytes);
}

/// <summary>
/// An endpoint that moves bytes between guest memory and a small buffer of its own, at I/O virtual addresses that the IOMMU
/// translates. It reports no outcome, as real hardware seldom does: what an access did is seen in memory, or in the buffer by
/// storing it somewhere that is known to be reachable.
/// </summary>
public interface IBusMaster
{
    /// <summary>The endpoint ID.</summary>
    uint EndpointId { get; }

    /// <summary>Size of the buffer in bytes.</summary>
    int BufferSize { get; }

    /// <summary>Reads <paramref name="length"/> bytes at <paramref name="iova"/> into the buffer; returns once the access is over.</summary>
    void Load(ulong iova, int bufferOffset, int length);

    /// <summary>Writes <paramref name="length"/> bytes of the buffer at <paramref name="iova"/>; returns once the access is over.</summary>
    void Store(ulong iova, int bufferOffset, int length);
}
